# Update incident status
incident_mgr.update_incident_status(
incident_guid=incident_guid,
new_status="INVESTIGATING",
updated_by="admin"
)
