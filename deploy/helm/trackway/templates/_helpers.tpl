{{- define "trackway.name" -}}
{{ .Release.Name | trunc 52 | trimSuffix "-" }}
{{- end }}

{{- define "trackway.selector" -}}
app.kubernetes.io/name: trackway
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "trackway.labels" -}}
{{ include "trackway.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- /* What a form needs, said before anything is installed. */ -}}
{{- define "trackway.check" -}}
{{- if and .Values.kafka.url (not .Values.clickhouse.url) }}
{{- fail "kafka.url needs clickhouse.url: the engine process belongs to one server and its local log" }}
{{- end }}
{{- if and .Values.kafka.url (not .Values.postgresql.url) }}
{{- fail "kafka.url needs postgresql.url: collectors and the server share accounts and counted views" }}
{{- end }}
{{- if and (gt (int .Values.loader.count) 1) (not .Values.kafka.url) }}
{{- fail "loader.count needs kafka.url: loaders share the work by topics" }}
{{- end }}
{{- if and (gt (int .Values.loader.count) 1) (semverCompare "<1.28.0-0" .Capabilities.KubeVersion.Version) }}
{{- fail "loader.count needs Kubernetes 1.28, which tells a pod its number" }}
{{- end }}
{{- if contains "loaders=" .Values.kafka.url }}
{{- fail "kafka.url names the number of loaders; set loader.count instead" }}
{{- end }}
{{- if and .Values.clickhouse.readerUrl (not .Values.clickhouse.url) }}
{{- fail "clickhouse.readerUrl needs clickhouse.url" }}
{{- end }}
{{- if and .Values.metrics.podMonitor (not .Values.existingSecret) }}
{{- fail "metrics.podMonitor needs existingSecret, which has metrics_token" }}
{{- end }}
{{- range $name, $url := dict "clickhouse.url" .Values.clickhouse.url "postgresql.url" .Values.postgresql.url }}
{{- if and $url (not $.Values.existingSecret) }}
{{- fail (printf "%s needs existingSecret, which has its password" $name) }}
{{- end }}
{{- end }}
{{- end }}

{{- /* The address of the log, with the number of loaders. */ -}}
{{- define "trackway.log" -}}
{{- .Values.kafka.url }}{{ if gt (int .Values.loader.count) 1 }}{{ ternary "&" "?" (contains "?" .Values.kafka.url) }}loaders={{ .Values.loader.count }}{{ end }}
{{- end }}

{{- define "trackway.url" -}}
{{- if .Values.url }}{{ .Values.url }}{{ else if and .Values.ingress.enabled .Values.ingress.host }}{{ ternary "https" "http" (ne .Values.ingress.tlsSecret "") }}://{{ .Values.ingress.host }}{{ end }}
{{- end }}

{{- /* One variable from the Secret: a list of its name, the key, and whether the container waits for it. */ -}}
{{- define "trackway.secret" -}}
- name: {{ index . 1 }}
  valueFrom:
    secretKeyRef:
      name: {{ (index . 0).Values.existingSecret }}
      key: {{ index . 2 }}
      optional: {{ index . 3 }}
{{- end }}

{{- /* The variables of a role: a list of the root and whether it is a collector, which needs accounts, the log, and to read the store. */ -}}
{{- define "trackway.environment" -}}
{{- $root := index . 0 }}
{{- $urls := dict "TRACKWAY_ACCOUNTS" $root.Values.postgresql.url "TRACKWAY_LOG" (include "trackway.log" $root) }}
{{- $passwords := dict "POSTGRESQL_PASSWORD" $root.Values.postgresql.url "KAFKA_PASSWORD" $root.Values.kafka.url }}
{{- $secrets := dict "TRACKWAY_ADMIN_PASSWORD" "admin_password" "TRACKWAY_WRITE_KEY" "write_key" "TRACKWAY_SECRET_KEY" "secret_key" "TRACKWAY_METRICS_TOKEN" "metrics_token" }}
{{- if index . 1 }}
{{- $store := coalesce $root.Values.clickhouse.readerUrl $root.Values.clickhouse.url }}
{{- $urls = merge $urls (dict "TRACKWAY_STORE" $store) }}
{{- $passwords = merge $passwords (dict "CLICKHOUSE_PASSWORD" $store "CLICKHOUSE_READER_PASSWORD" $store) }}
{{- else }}
{{- $urls = merge $urls (dict "TRACKWAY_STORE" $root.Values.clickhouse.url "TRACKWAY_STORE_READER" $root.Values.clickhouse.readerUrl) }}
{{- $passwords = merge $passwords (dict "CLICKHOUSE_PASSWORD" $root.Values.clickhouse.url "CLICKHOUSE_READER_PASSWORD" $root.Values.clickhouse.readerUrl) }}
{{- $secrets = merge $secrets (dict "TRACKWAY_SMTP_PASSWORD" "smtp_password" "TRACKWAY_OIDC_CLIENT_SECRET" "oidc_client_secret") }}
{{- end }}
{{- if $root.Values.existingSecret }}
{{- range $variable, $key := $secrets }}
{{ include "trackway.secret" (list $root $variable $key true) }}
{{- end }}
{{ include "trackway.secret" (list $root "TRACKWAY_SECRETS" "secrets" (eq $root.Values.kafka.url "")) }}
{{- /* Kubernetes fills $(NAME) in only from variables that stand before. */ -}}
{{- range $name, $url := $passwords }}
{{- if contains (printf "$(%s)" $name) $url }}
{{ include "trackway.secret" (list $root $name ($name | lower) false) }}
{{- end }}
{{- end }}
{{- end }}
{{- range $name, $url := $urls }}
{{- if $url }}
- name: {{ $name }}
  value: {{ $url | quote }}
{{- end }}
{{- end }}
{{- end }}

{{- /* What the pods of all roles have in common: a list of the root and the role's values. */ -}}
{{- define "trackway.pod" -}}
{{- $root := index . 0 }}
{{- $own := index . 1 -}}
serviceAccountName: {{ include "trackway.name" $root }}
automountServiceAccountToken: false
# Else Kubernetes sets TRACKWAY_PORT=tcp://… for the service of this name, which is a setting of Trackway.
enableServiceLinks: false
securityContext:
  {{- toYaml $root.Values.podSecurityContext | nindent 2 }}
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "trackway.container" -}}
{{- $root := index . 0 -}}
image: {{ printf "%s:%s" $root.Values.image.repository (coalesce (index . 1).imageTag $root.Values.image.tag $root.Chart.AppVersion) | quote }}
imagePullPolicy: {{ $root.Values.image.pullPolicy }}
securityContext:
  {{- toYaml $root.Values.securityContext | nindent 2 }}
ports:
  - name: http
    containerPort: 8700
envFrom:
  - configMapRef:
      name: {{ include "trackway.name" $root }}
resources:
  {{- toYaml (index . 1).resources | nindent 2 }}
startupProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: {{ div $root.Values.probes.startupSeconds 2 }}
livenessProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 2
{{- end }}
