"""The native API's paths about messages, below `/v1/`."""

from django.urls import path

from messaging.api import views

urlpatterns = [
    path("messages", views.MessagesView.as_view()),
    path("messages/batch", views.BatchView.as_view()),
    path("messages/preview", views.PreviewView.as_view()),
    path("messages/<str:message_id>", views.MessageView.as_view()),
    path("messages/<str:message_id>/cancel", views.CancelView.as_view()),
]
