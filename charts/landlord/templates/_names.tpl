{{/* The labels of everything this chart installs. Deliberately without versions: a new chart must not touch every object. */}}
{{- define "landlord.labels" -}}
app.kubernetes.io/name: landlord
app.kubernetes.io/part-of: landlord
{{- end }}

{{/* The namespace of the deployers' names. No account ever exists in it. */}}
{{- define "landlord.deployersNamespace" -}}
landlord-deployers
{{- end }}

{{/* The operator's exact user name: the only identity the policies trust. */}}
{{- define "landlord.operatorUser" -}}
system:serviceaccount:{{ .Release.Namespace }}:{{ .Values.operator.serviceAccount }}
{{- end }}

{{/* ClusterRoles the operator may bind in tenant namespaces, as a JSON list; JSON lists of strings are CEL too. */}}
{{- define "landlord.operatorBinds" -}}
{{- concat (list "landlord-owner" "landlord-editor" "landlord-viewer" "landlord-deployer") .Values.deployerClusterRoles | uniq | toJson -}}
{{- end }}

{{/* ClusterRoles anybody else may bind in tenant namespaces, as a JSON list. */}}
{{- define "landlord.othersBind" -}}
{{- concat (list "view" "landlord-viewer" "landlord-editor" "landlord-owner") .Values.bindableClusterRoles | uniq | toJson -}}
{{- end }}
