# Send critical incident notification
stats = incident_mgr.notify_incident(
incident_guid=incident_guid,
notify_code="INCIDENT_CRITICAL",
sent_by="SYSTEM"
)
print(f"Notifications sent: {stats['sent']}, failed: {stats['failed']}")
