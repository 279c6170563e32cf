# Calculate incident metrics
metrics = incident_mgr.get_incident_metrics(
package="DATABASE",
start_date="2025-01-01",
end_date="2025-01-31"
)
print(f"Total incidents: {metrics['total_incidents']}")
print(f"Average resolution time: {metrics['avg_resolution_time_hours']} hours")
print(f"By severity: {metrics['by_severity']}")
print(f"By status: {metrics['by_status']}")
