from axion_bus import ObjAlertIncident
# Initialize the incident manager
incident_mgr = ObjAlertIncident.ObjAlertIncident()
# Create a new incident
incident_guid = incident_mgr.create_incident(
title="Database Connection Pool Exhausted",
severity="CRITICAL",
package="DATABASE",
description="All connection pool slots occupied, new requests failing",
assigned_to="dba-team",
alert_links=["alert-guid-1", "alert-guid-2"] # Optional
)
print(f"Created incident: {incident_guid}")
