{{- define "gio-server.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "gio-server.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "gio-server.labels" -}}
{{ include "gio-server.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "gio-server.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "gio-server.name" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* What cannot work is refused before anything is installed. */}}
{{- define "gio-server.check" -}}
{{- range list "listen" "data" "database" "database_password" "tls" -}}
{{- if hasKey $.Values.settings . -}}
{{- fail (printf "settings.%s is not for here: the chart says itself where the server listens and keeps its data, and the ingress has the certificate" .) -}}
{{- end -}}
{{- end -}}
{{- if eq .Values.database.kind "sqlite" -}}
{{- if gt (int .Values.replicas) 1 -}}
{{- fail "a SQLite file is for one server: set replicas to 1, or database.kind to postgres" -}}
{{- end -}}
{{- if .Values.database.url -}}
{{- fail "database.url is set, but database.kind is sqlite: set it to postgres" -}}
{{- end -}}
{{- else if not .Values.database.url -}}
{{- fail "database.kind is postgres: set database.url to postgres://USER@HOST/NAME, and database.passwordSecret.name" -}}
{{- end -}}
{{- end -}}

{{/* The pod, of the StatefulSet with SQLite and of the Deployment with PostgreSQL alike. */}}
{{- define "gio-server.pod" -}}
metadata:
  labels:
    {{- include "gio-server.selector" . | nindent 4 }}
  {{- if or .Values.podAnnotations .Values.settings }}
  annotations:
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- with .Values.settings }}
    checksum/settings: {{ toYaml . | sha256sum }} # other settings, other pods
    {{- end }}
  {{- end }}
spec:
  serviceAccountName: {{ include "gio-server.serviceAccount" . }}
  automountServiceAccountToken: false
  # A service that is called gioserver would give the pod variables that gio-server does not know, and it would not start.
  enableServiceLinks: false
  terminationGracePeriodSeconds: 40 # the server gives its clients 30
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile: {type: RuntimeDefault}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: gio-server
      image: {{ printf "%s:%s" .Values.image.repository .Values.image.tag | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      {{- if .Values.settings }}
      args: [--config, /etc/gio-server/gio-server.yaml]
      {{- end }}
      env:
        - {name: GIOSERVER_LISTEN, value: "0.0.0.0:8790"}
        - {name: GIOSERVER_DATA, value: /data}
        {{- if eq .Values.database.kind "postgres" }}
        {{- if not .Values.persistence.existingClaim }}
        - {name: GIOSERVER_BLOBS, value: none} # files would be lost with the pod
        {{- end }}
        - {name: GIOSERVER_DATABASE, value: {{ .Values.database.url | quote }}}
        {{- if .Values.database.passwordSecret.name }}
        - {name: GIOSERVER_DATABASE_PASSWORD, value: file:/run/secrets/database/password}
        {{- end }}
        {{- end }}
      ports:
        - {name: http, containerPort: 8790}
      # It listens once the tables are up to date.
      startupProbe:
        httpGet: {path: /health, port: http}
        periodSeconds: 2
        failureThreshold: 150
      livenessProbe:
        httpGet: {path: /health, port: http}
        timeoutSeconds: 5
      readinessProbe:
        httpGet: {path: /ready, port: http}
        timeoutSeconds: 5
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
      {{- with .Values.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      volumeMounts:
        - {name: data, mountPath: /data}
        {{- if and (eq .Values.database.kind "postgres") .Values.database.passwordSecret.name }}
        - {name: database-password, mountPath: /run/secrets/database, readOnly: true}
        {{- end }}
        {{- if .Values.settings }}
        - {name: settings, mountPath: /etc/gio-server, readOnly: true}
        {{- end }}
        {{- if .Values.settingsSecret }}
        - {name: settings-secret, mountPath: /run/secrets/settings, readOnly: true}
        {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with include "gio-server.volumes" . | trim }}
  volumes:
    {{- . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* The pod's volumes, but for the one that a StatefulSet makes. */}}
{{- define "gio-server.volumes" -}}
{{- with .Values.persistence.existingClaim }}
- name: data
  persistentVolumeClaim: {claimName: {{ . }}}
{{- end }}
{{- if eq .Values.database.kind "postgres" }}
{{- if not .Values.persistence.existingClaim }}
- {name: data, emptyDir: {}}
{{- end }}
{{- with .Values.database.passwordSecret }}
{{- if .name }}
- name: database-password
  secret:
    secretName: {{ .name }}
    defaultMode: 0440
    items:
      - {key: {{ .key | quote }}, path: password}
{{- end }}
{{- end }}
{{- end }}
{{- if .Values.settings }}
- name: settings
  configMap: {name: {{ include "gio-server.name" . }}}
{{- end }}
{{- with .Values.settingsSecret }}
- name: settings-secret
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
{{- end -}}
