# Add root cause analysis
incident_mgr.add_incident_note(
incident_guid=incident_guid,
note_type="ROOT_CAUSE",
content="Connection leak in UserService.authenticate() method",
created_by="admin"
)
# Add resolution steps
incident_mgr.add_incident_note(
incident_guid=incident_guid,
note_type="RESOLUTION",
content="Deployed fix to properly close connections in finally block",
created_by="admin"
)
