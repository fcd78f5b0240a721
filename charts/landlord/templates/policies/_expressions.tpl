{{/*
CEL that several policies share. Users of these names must not be quoted again: each is a whole expression in parentheses.
*/}}

{{/* Somebody who has no business outside the rules: not the operator, not break-glass, not the cluster's own janitors. */}}
{{- define "landlord.cel.askedByOthers" -}}
(!(request.userInfo.username in [
  '{{ include "landlord.operatorUser" . }}',
  'system:serviceaccount:kube-system:generic-garbage-collector',
  'system:serviceaccount:kube-system:namespace-controller',
  'system:kube-controller-manager'])
&& !('{{ .Values.operator.breakGlassGroup }}' in request.userInfo.?groups.orValue([])))
{{- end }}

{{/* Anybody but break-glass, the operator included. */}}
{{- define "landlord.cel.notBreakGlass" -}}
(!('{{ .Values.operator.breakGlassGroup }}' in request.userInfo.?groups.orValue([])))
{{- end }}

{{/* The operator itself. */}}
{{- define "landlord.cel.operator" -}}
(request.userInfo.username == '{{ include "landlord.operatorUser" . }}')
{{- end }}

{{/* People, releases and applications: not Kubernetes itself and not the platform's named controllers. */}}
{{- define "landlord.cel.notThePlatform" -}}
(!request.userInfo.username.startsWith('system:serviceaccount:kube-system:')
&& !request.userInfo.username.startsWith('system:node:')
&& !request.userInfo.username.startsWith('system:kube-')
&& !(request.userInfo.username in ['system:apiserver', 'system:cloud-controller-manager'])
&& !(request.userInfo.username in {{ .Values.platformControllers | toJson }}))
{{- end }}

{{/* The namespace is being deleted. Only for variables and validations: match conditions do not see the namespace. */}}
{{- define "landlord.cel.terminating" -}}
(namespaceObject != null && has(namespaceObject.metadata.deletionTimestamp))
{{- end }}

{{/* The object is being deleted already: to finish that (nodes' agents, finalizers) is no decision of anybody's. */}}
{{- define "landlord.cel.leaving" -}}
(oldObject != null && has(dyn(oldObject).metadata.deletionTimestamp)
&& (object == null || dyn(object).?spec.orValue({}) == dyn(oldObject).?spec.orValue({})))
{{- end }}

{{/* What a policy annotation of the namespace lists; `null` stands for no annotation, which restricts nothing. */}}
{{- define "landlord.cel.listed" -}}
(namespaceObject.metadata.?annotations[?'landlord.dev/policy.{{ . }}'].orValue('').split(',').map(entry, entry.trim()).filter(entry, entry != ''))
{{- end }}

{{/* Whether the policy annotation is there at all. */}}
{{- define "landlord.cel.restricted" -}}
(namespaceObject.metadata.?annotations[?'landlord.dev/policy.{{ . }}'].hasValue())
{{- end }}

{{/* A namespace that can never be a tenant's: arguments are the root and the CEL for the name. */}}
{{- define "landlord.cel.protectedNamespace" -}}
{{- $root := index . 0 }}{{ $name := index . 1 -}}
{{- $exact := list "default" $root.Release.Namespace (include "landlord.deployersNamespace" $root) -}}
{{- $prefixes := list "kube-" -}}
{{- range $root.Values.protectedNamespaces -}}
{{- if hasSuffix "*" . }}{{ $prefixes = append $prefixes (trimSuffix "*" .) }}{{ else }}{{ $exact = append $exact . }}{{ end -}}
{{- end -}}
({{ $name }} in {{ $exact | uniq | toJson }} || {{ $prefixes | uniq | toJson }}.exists(prefix, {{ $name }}.startsWith(prefix)))
{{- end }}

{{/* Binds the policy of this name everywhere; what it matches stands in the policy itself. */}}
{{- define "landlord.policyBinding" -}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ index . 1 }}
  labels:
    {{- include "landlord.labels" (index . 0) | nindent 4 }}
spec:
  policyName: {{ index . 1 }}
  validationActions: [Deny]
{{- end }}
