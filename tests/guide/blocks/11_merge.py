# Merge incident B into incident A
incident_mgr.merge_incidents(
source_incident_guid="incident-B-guid",
target_incident_guid="incident-A-guid",
merged_by="admin"
)
# All alerts, notes, and timeline from B are moved to A
# Incident B is closed with status indicating merge
