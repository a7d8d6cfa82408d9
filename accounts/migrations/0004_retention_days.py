from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_invitations")]

    operations = [
        migrations.AddField(
            model_name="tenant",
            name="retention_days",
            field=models.PositiveSmallIntegerField(
                blank=True,
                help_text="Delete messages that are older; blank = keep for ever.",
                null=True,
            ),
        ),
    ]
