-- Example: Critical incident notification to multiple channels
INSERT INTO def_notify (NotifyCode, NotifyName, NotifyChannels)
VALUES (
'INCIDENT_CRITICAL',
'Critical Incident Alert',
'PAGERDUTY,SLACK,SMS'
);
