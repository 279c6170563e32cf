from axion_bus import ObjAlertIncident
# Initialize
incident_mgr = ObjAlertIncident.ObjAlertIncident()
# 1. Create incident
incident_guid = incident_mgr.create_incident(
title="API Response Time Degraded",
severity="HIGH",
package="WEBAPI",
description="95th percentile latency exceeded 5 seconds",
assigned_to="backend-team"
)
# 2. Send initial notification
incident_mgr.notify_incident(
incident_guid=incident_guid,
notify_code="INCIDENT_HIGH_PRIORITY",
sent_by="MONITORING_SYSTEM"
)
# 3. Update status as investigation begins
incident_mgr.update_incident_status(
incident_guid=incident_guid,
new_status="INVESTIGATING",
updated_by="engineer1"
)
# 4. Add investigation notes
incident_mgr.add_incident_note(
incident_guid=incident_guid,
note_type="INVESTIGATION",
content="Database query logs show slow query on orders table",
created_by="engineer1"
)
# 5. Document root cause
incident_mgr.add_incident_note(
incident_guid=incident_guid,
note_type="ROOT_CAUSE",
content="Missing index on orders.created_at column causing full table scans",
created_by="engineer1"
)
# 6. Apply mitigation
incident_mgr.add_incident_note(
incident_guid=incident_guid,
note_type="MITIGATION",
content="Added index: CREATE INDEX idx_orders_created_at ON orders(created_at)",
created_by="dba1"
)
# 7. Monitor for stability
incident_mgr.update_incident_status(
incident_guid=incident_guid,
new_status="MONITORING",
updated_by="engineer1"
)
# 8. Close incident
incident_mgr.close_incident(
incident_guid=incident_guid,
resolution_summary="Added database index, latency returned to normal",
root_cause="Missing index on frequently queried column",
closed_by="engineer1"
)
# 9. Send resolution notification
incident_mgr.notify_incident(
incident_guid=incident_guid,
notify_code="INCIDENT_RESOLVED",
sent_by="engineer1"
)
# 10. Generate post-incident report
report = incident_mgr.generate_incident_report(
incident_guid=incident_guid,
format="markdown"
)
# Email to stakeholders
incident_mgr.email_incident_report(
incident_guid=incident_guid,
format="html",
additional_recipients=["team-lead@example.com", "product-owner@example.com"]
)
