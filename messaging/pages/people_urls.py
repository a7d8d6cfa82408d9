"""Paths of the pages about people: conversations and contacts.

A number can be any name that a text came from, slashes and all. So it is the last part of a path,
and what is done with it stands before it, under `threads/`.
"""

from django.urls import path

from messaging.pages import (
    canned_replies,
    contact_imports,
    contacts,
    conversations,
    groups,
    opt_outs,
    replies,
)

urlpatterns = [
    path("conversations", conversations.conversations, name="conversations"),
    path("conversations/<path:number>", conversations.conversation, name="conversations-detail"),
    path("threads/row/<int:key>", conversations.row, name="conversations-row"),
    path("threads/unread", conversations.count, name="conversations-unread"),
    path("threads/status/<str:message_id>", conversations.status, name="conversations-status"),
    path("threads/segments", replies.segments, name="conversations-segments"),
    path("threads/earlier/<path:number>", conversations.earlier, name="conversations-earlier"),
    path("threads/newer/<path:number>", conversations.newer, name="conversations-newer"),
    path("threads/person/<path:number>", conversations.person, name="conversations-person"),
    path("threads/read/<path:number>", replies.read, name="conversations-read"),
    path("threads/reply/<path:number>", replies.send, name="conversations-reply"),
    path("threads/note/<path:number>", replies.note, name="conversations-note"),
    path("threads/assign/<path:number>", replies.assign, name="conversations-assign"),
    path("threads/assigned/<path:number>", replies.assigned, name="conversations-assigned"),
    path("threads/opt-out/<path:number>", replies.leave, name="conversations-opt-out"),
    path("threads/let-in/<path:number>", replies.let_in, name="conversations-let-in"),
    path("threads/saved/<path:number>", canned_replies.choose, name="conversations-canned"),
    path("threads/edit-saved/<path:number>", canned_replies.edit, name="conversations-canned-edit"),
    path(
        "threads/delete-saved/<path:number>",
        canned_replies.delete,
        name="conversations-canned-delete",
    ),
    path("contacts", contacts.contacts, name="contacts"),
    path("contacts/new", contacts.new, name="contacts-new"),
    path("contacts/field", contacts.field_row, name="contacts-field"),
    path("contacts/groups", groups.groups, name="contacts-groups"),
    path("contacts/groups/<str:group_id>", groups.rename, name="contacts-group"),
    path("contacts/groups/<str:group_id>/delete", groups.delete, name="contacts-group-delete"),
    path("contacts/opt-outs", opt_outs.opt_outs, name="contacts-opt-outs"),
    path("contacts/opt-outs/remove", opt_outs.remove, name="contacts-opt-outs-remove"),
    path("contacts/import", contact_imports.upload, name="contacts-import"),
    path(
        "contacts/import/<str:import_id>", contact_imports.preview, name="contacts-import-preview"
    ),
    path("contacts/<str:contact_id>", contacts.contact, name="contacts-detail"),
    path("contacts/<str:contact_id>/delete", contacts.delete, name="contacts-delete"),
]
