{{/* Whole objects: a chart that uses these has templates of one line. */}}
{{- define "commons.service" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "commons.fullname" . }}
  labels: {{ include "commons.labels" . | nindent 4 }}
spec:
  selector: {{ include "commons.selectorLabels" . | nindent 4 }}
  ports: [{name: http, port: {{ .Values.service.port }}, targetPort: http}]
{{- end -}}

{{- define "commons.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "commons.fullname" . }}
  labels: {{ include "commons.labels" . | nindent 4 }}
spec:
  {{- if not (.Values.autoscaling).enabled }}
  replicas: {{ .Values.replicaCount }}
  {{- end }}
  selector:
    matchLabels: {{ include "commons.selectorLabels" . | nindent 6 }}
  template:
    metadata:
      labels: {{ include "commons.labels" . | nindent 8 }}
    spec:
      serviceAccountName: {{ .Values.serviceAccount | default "default" }}
      terminationGracePeriodSeconds: 5
      securityContext: {{ include "commons.podSecurity" . | nindent 8 }}
      containers:
        - {{ include "commons.container" . | nindent 10 }}
{{- end -}}
