# Get all communications for an incident
comms = incident_mgr.get_incident_communications(
incident_guid=incident_guid,
channel="SLACK", # Optional filter
limit=50 # Optional pagination
)
for comm in comms:
    print(f"{comm['ShortRef']}: {comm['Channel']} - {comm['Status']}")
# Look up specific communication by reference
comm = incident_mgr.get_communication_by_ref("REF-20251229-A7K")
if comm:
    print(f"Message sent via {comm['Channel']} to {comm['Recipient']}")
    print(f"Incident: {comm['IncidentTitle']} ({comm['IncidentSeverity']})")
# Manually log communication (e.g., phone call, manual action)
comm_guid, short_ref = incident_mgr.log_communication(
incident_guid=incident_guid,
channel="PHONE",
direction="OUTBOUND",
message="Called on-call engineer to escalate",
recipient="+1-555-0123",
status="SENT",
metadata={"duration_seconds": 180, "answered": True}
)
print(f"Logged communication: {short_ref}")
