{{- define "wefka.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "wefka.selector" -}}
app.kubernetes.io/name: wefka
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "wefka.labels" -}}
{{ include "wefka.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "wefka.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- /* wefka.yaml: what the chart knows, over what the values say. */ -}}
{{- define "wefka.config" -}}
{{- if not .Values.config.kafka.brokers }}{{ fail "config.kafka.brokers: name the brokers, for example [kafka1.corp.example:9093]" }}{{ end }}
{{- $listeners := list }}
{{- with .Values.listeners.tls }}{{ if .enabled }}
{{- $listeners = append $listeners (dict "name" "tls" "address" (printf ":%v" .port) "advertise" .advertise "proxy_protocol" $.Values.service.proxyProtocol "tls" (dict "certificate" "/etc/wefka/tls/tls.crt" "key" "/etc/wefka/tls/tls.key" "client_ca" "/etc/wefka/client-ca/ca.crt")) }}
{{- end }}{{ end }}
{{- with .Values.listeners.kerberos }}{{ if .enabled }}
{{- $listeners = append $listeners (dict "name" "kerberos" "address" (printf ":%v" .port) "advertise" .advertise "proxy_protocol" $.Values.service.proxyProtocol "kerberos" (dict "keytab" "/etc/wefka/keytab/wef.keytab")) }}
{{- end }}{{ end }}
{{- if not $listeners }}{{ fail "listeners: enable tls, kerberos or both" }}{{ end }}
{{- $state := dict "backend" "kafka" }}
{{- if eq .Values.state "local" }}{{ $state = dict "backend" "bbolt" "path" "/var/lib/wefka/state.db" }}{{ end }}
{{- $own := dict "subscriptions" "/etc/wefka/subscriptions.d" "listeners" $listeners "state" (merge $state (.Values.config.state | default dict)) "admin" (dict "address" "127.0.0.1:9985" "socket" "/run/wefka/admin.sock") }}
{{- if .Values.metrics.webSecret }}{{ $_ := set $own "admin" (dict "address" ":9985" "socket" "/run/wefka/admin.sock" "web_config" "/etc/wefka/web/web.yaml") }}{{ end }}
{{- if and .Values.metrics.serviceMonitor.enabled (not .Values.metrics.webSecret) }}{{ fail "metrics.webSecret: Prometheus reaches the admin listener only with TLS and authentication" }}{{ end }}
{{- toYaml (mergeOverwrite (deepCopy .Values.config) $own) }}
{{- end }}
