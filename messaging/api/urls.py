"""The native API's paths about messages and who they are for, below `/v1/`."""

from django.urls import path

from messaging.api import contacts, groups, opt_outs, phones, settings, views

urlpatterns = [
    path("messages", views.MessagesView.as_view()),
    path("messages/batch", views.BatchView.as_view()),
    path("messages/preview", views.PreviewView.as_view()),
    path("messages/<str:message_id>", views.MessageView.as_view()),
    path("messages/<str:message_id>/cancel", views.CancelView.as_view()),
    path("contacts", contacts.ContactsView.as_view()),
    path("contacts/<str:contact_id>", contacts.ContactView.as_view()),
    path("groups", groups.GroupsView.as_view()),
    path("groups/<str:group_id>", groups.GroupView.as_view()),
    path("groups/<str:group_id>/contacts/<str:contact_id>", groups.MembershipView.as_view()),
    path("opt-outs", opt_outs.OptOutsView.as_view()),
    path("opt-outs/<str:number>", opt_outs.OptOutView.as_view()),
    path("device/frames", phones.FramesView.as_view()),
    path("settings", settings.SettingsView.as_view()),
]
