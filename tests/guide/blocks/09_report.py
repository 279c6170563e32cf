# Generate text report
report = incident_mgr.generate_incident_report(
incident_guid=incident_guid,
format="text" # or "markdown", "html"
)
print(report)
# Email incident report
incident_mgr.email_incident_report(
incident_guid=incident_guid,
format="html",
additional_recipients=["manager@example.com"]
)
