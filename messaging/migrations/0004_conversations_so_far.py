from django.db import migrations

# What was received before there were conversations is in the list too, as read.
FILL = """
INSERT INTO messaging_conversation
       (tenant_id, number, activity_id, last_message_at, last_direction, last_text, unread)
SELECT DISTINCT ON (tenant_id, sender)
       tenant_id, sender, public_id, created_at, 'inbound', left(text, 160), 0
  FROM messaging_message
 WHERE direction = 'inbound' AND sender <> ''
 ORDER BY tenant_id, sender, public_id DESC
    ON CONFLICT DO NOTHING
"""


class Migration(migrations.Migration):

    dependencies = [('messaging', '0003_conversations')]

    operations = [migrations.RunSQL(FILL, migrations.RunSQL.noop)]
