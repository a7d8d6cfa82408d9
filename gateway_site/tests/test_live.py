"""Which topics open pages are told of what happens."""

from django.utils import timezone

from gateway_site.live import topics_of
from messaging.events import ConversationChanged, MessageReceived


def test_inbound_text_is_told_to_its_tenant_with_the_list_of_conversations():
    received = MessageReceived(1, 7, timezone.now(), text="Hi")
    assert topics_of([received]) == {1: {"messages", "conversations", "rules", 7}}


def test_conversation_that_the_team_changed_is_told_with_its_row():
    changed = [ConversationChanged(1, 5), ConversationChanged(2, 6)]
    assert topics_of(changed) == {
        1: {"conversations", "conversation-5"},
        2: {"conversations", "conversation-6"},
    }
