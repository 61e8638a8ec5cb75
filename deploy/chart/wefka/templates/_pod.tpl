{{- /* The pod, for Deployment and StatefulSet alike. */ -}}
{{- define "wefka.pod" -}}
metadata:
  labels:
    {{- include "wefka.selector" . | nindent 4 }}
    {{- with .Values.podLabels }}{{ toYaml . | nindent 4 }}{{ end }}
  annotations:
    # The main file's changes need new pods; subscriptions, certificates and keytab are taken while running.
    checksum/config: {{ include "wefka.config" . | sha256sum }}
    {{- with .Values.podAnnotations }}{{ toYaml . | nindent 4 }}{{ end }}
spec:
  serviceAccountName: {{ include "wefka.name" . }}
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    seccompProfile: {type: RuntimeDefault}
  {{- if .Values.topologySpread.enabled }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: {{ .Values.topologySpread.topologyKey }}
      whenUnsatisfiable: ScheduleAnyway
      labelSelector: {matchLabels: {{ include "wefka.selector" . | fromYaml | toJson }}}
  {{- end }}
  affinity:
    {{- if .Values.affinity }}{{ toYaml .Values.affinity | nindent 4 }}{{ else }}
    podAntiAffinity:
      preferredDuringSchedulingIgnoredDuringExecution:
        - weight: 100
          podAffinityTerm:
            topologyKey: kubernetes.io/hostname
            labelSelector: {matchLabels: {{ include "wefka.selector" . | fromYaml | toJson }}}
    {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: wefka
      image: {{ include "wefka.image" . }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: [serve]
      env:
        - {name: WEFKA_CONFIG, value: /etc/wefka/wefka.yaml}
      ports:
        {{- if .Values.listeners.tls.enabled }}
        - {name: tls, containerPort: {{ .Values.listeners.tls.port }}}
        {{- end }}
        {{- if .Values.listeners.kerberos.enabled }}
        - {name: kerberos, containerPort: {{ .Values.listeners.kerberos.port }}}
        {{- end }}
        {{- if .Values.metrics.webSecret }}
        - {name: admin, containerPort: 9985}
        {{- end }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
      # Asked over the socket: the admin listener stays on loopback.
      startupProbe: {exec: {command: [/usr/bin/wefka, status, --ready]}, periodSeconds: 2, timeoutSeconds: 5, failureThreshold: 150}
      readinessProbe: {exec: {command: [/usr/bin/wefka, status, --ready]}, periodSeconds: 10, timeoutSeconds: 5}
      livenessProbe: {exec: {command: [/usr/bin/wefka, status]}, periodSeconds: 30, timeoutSeconds: 10, failureThreshold: 4}
      lifecycle:
        preStop: {sleep: {seconds: {{ .Values.preStopSeconds }}}}
      resources: {{- toYaml .Values.resources | nindent 8 }}
      volumeMounts:
        - {name: config, mountPath: /etc/wefka/wefka.yaml, subPath: wefka.yaml, readOnly: true}
        - {name: subscriptions, mountPath: /etc/wefka/subscriptions.d, readOnly: true}
        - {name: run, mountPath: /run/wefka}
        {{- if eq .Values.state "local" }}
        - {name: state, mountPath: /var/lib/wefka}
        {{- end }}
        {{- if .Values.listeners.tls.enabled }}
        - {name: tls, mountPath: /etc/wefka/tls, readOnly: true}
        - {name: client-ca, mountPath: /etc/wefka/client-ca, readOnly: true}
        {{- end }}
        {{- if .Values.listeners.kerberos.enabled }}
        - {name: keytab, mountPath: /etc/wefka/keytab, readOnly: true}
        {{- end }}
        {{- range .Values.secrets }}
        - {name: secret-{{ . }}, mountPath: /etc/wefka/secrets/{{ . }}, readOnly: true}
        {{- end }}
        {{- if .Values.metrics.webSecret }}
        - {name: web, mountPath: /etc/wefka/web, readOnly: true}
        {{- end }}
  volumes:
    - {name: config, configMap: {name: {{ include "wefka.name" . }}}}
    - {name: subscriptions, configMap: {name: {{ include "wefka.name" . }}-subscriptions}}
    - {name: run, emptyDir: {medium: Memory, sizeLimit: 1Mi}}
    {{- with .Values.listeners.tls }}{{ if .enabled }}
    - {name: tls, secret: {secretName: {{ .secret }}, defaultMode: 0440}}
    {{- if eq .clientCAKind "ConfigMap" }}
    - {name: client-ca, configMap: {name: {{ .clientCA }}}}
    {{- else }}
    - {name: client-ca, secret: {secretName: {{ .clientCA }}, items: [{key: ca.crt, path: ca.crt}]}}
    {{- end }}
    {{- end }}{{ end }}
    {{- with .Values.listeners.kerberos }}{{ if .enabled }}
    - {name: keytab, secret: {secretName: {{ .secret }}, defaultMode: 0440}}
    {{- end }}{{ end }}
    {{- range .Values.secrets }}
    - {name: secret-{{ . }}, secret: {secretName: {{ . }}, defaultMode: 0440}}
    {{- end }}
    {{- if .Values.metrics.webSecret }}
    - {name: web, secret: {secretName: {{ .Values.metrics.webSecret }}, defaultMode: 0440}}
    {{- end }}
{{- end }}
