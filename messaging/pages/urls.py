"""Paths of the pages about messages."""

from django.urls import path

from messaging.pages import compose, exports, message, messages

urlpatterns = [
    path("messages", messages.messages, name="messages"),
    path("messages/more", messages.more, name="messages-more"),
    path("messages/news", messages.news, name="messages-news"),
    path("messages/new", compose.compose, name="messages-new"),
    path("messages/new/counter", compose.counter, name="messages-counter"),
    path("messages/new/find", compose.find, name="messages-find"),
    path("messages/exports", exports.exports, name="messages-exports"),
    path("messages/exports/rows", exports.export_rows, name="messages-exports-rows"),
    path("messages/exports/<str:export_id>", exports.download, name="messages-exports-file"),
    path("messages/exports/<str:export_id>/delete", exports.delete, name="messages-exports-delete"),
    path("messages/<str:message_id>", message.message, name="messages-detail"),
    path("messages/<str:message_id>/state", message.message_state, name="messages-state"),
    path("messages/<str:message_id>/cancel", message.cancel, name="messages-cancel"),
]
