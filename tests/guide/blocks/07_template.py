template = """
INCIDENT ALERT
==============
Title: {incident_title}
Severity: {incident_severity}
Status: {incident_status}
Package: {incident_package}
Description:
{incident_description}
Created: {incident_created_at}
Reference: {incident_guid}
"""
stats = incident_mgr.notify_incident(
incident_guid=incident_guid,
notify_code="INCIDENT_CUSTOM",
message_template=template
)
