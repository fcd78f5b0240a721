{{- define "migrating.job" -}}
backoffLimit: 0
activeDeadlineSeconds: 120
template:
  metadata:
    labels: {{ include "commons.labels" .root | nindent 6 }}
  spec:
    restartPolicy: Never
    terminationGracePeriodSeconds: 0
    securityContext: {{ include "commons.podSecurity" .root | nindent 6 }}
    containers:
      - name: job
        image: localhost/app:1
        command: [sh, -c, "cat /scripts/run.sh; exit {{ .code }}"]
        resources: {{ toYaml .root.Values.resources | nindent 10 }}
        securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
        volumeMounts: [{name: scripts, mountPath: /scripts}]
    volumes:
      - name: scripts
        configMap: {name: {{ include "commons.fullname" .root }}-scripts}
{{- end -}}
