# Close with full details
incident_mgr.close_incident(
incident_guid=incident_guid,
resolution_summary="Fixed connection leak and restarted service",
root_cause="Missing try-finally block in authentication code",
closed_by="admin"
)
