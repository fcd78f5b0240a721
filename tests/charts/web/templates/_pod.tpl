{{- define "web.security" -}}
securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
{{- end }}
{{- define "web.container" -}}
securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
{{- end }}
{{- define "web.exit" -}}
restartPolicy: Never
terminationGracePeriodSeconds: 0
{{ include "web.security" .root }}
containers:
  - name: exit
    image: localhost/app:1
    command: [sh, -c, "sleep {{ .seconds }}; exit {{ .code }}"]
    resources: {{ .root.Values.resources | toJson }}
    {{- include "web.container" .root | nindent 4 }}
{{- end }}
