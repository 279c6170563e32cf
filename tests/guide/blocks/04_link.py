# Link additional alerts to existing incident
incident_mgr.link_alert_to_incident(
incident_guid=incident_guid,
alert_guid="alert-guid-3"
)
# Get all alerts for an incident
alerts = incident_mgr.get_incident_alerts(incident_guid)
for alert in alerts:
    print(f"Alert: {alert['AlertGuid']} linked at {alert['LinkedAt']}")
