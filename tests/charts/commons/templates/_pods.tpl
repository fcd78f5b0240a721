{{- define "commons.podSecurity" -}}
runAsNonRoot: true
fsGroup: 65534
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "commons.container" -}}
name: {{ .Chart.Name }}
image: {{ include "commons.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy | default "IfNotPresent" }}
ports: [{name: http, containerPort: 8080}]
readinessProbe: {httpGet: {path: /readyz, port: http}, periodSeconds: 1}
resources: {{ toYaml .Values.resources | nindent 2 }}
securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
{{- end -}}
