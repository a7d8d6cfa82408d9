"""What people type in a conversation."""

from __future__ import annotations

from django import forms

from messaging.drafts import MAX_TEXT
from messaging.services.canned_replies import MAX_TITLE
from messaging.services.conversations import MAX_NOTE


class ReplyForm(forms.Form):
    text = forms.CharField(
        label="Reply",
        max_length=MAX_TEXT,
        strip=False,
        widget=forms.Textarea(
            attrs={"rows": 3, "placeholder": "Write a reply …", "data-reply": True}
        ),
    )


class NoteForm(forms.Form):
    text = forms.CharField(
        label="Note for the team", max_length=MAX_NOTE, widget=forms.Textarea(attrs={"rows": 2})
    )


class CannedReplyForm(forms.Form):
    title = forms.CharField(label="Title", max_length=MAX_TITLE)
    text = forms.CharField(
        label="Text",
        max_length=MAX_TEXT,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="{{name}} and the contact’s own fields are filled in.",
    )
