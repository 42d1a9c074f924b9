package internal_test

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/server"
)

// compose is a compose file, as far as ours goes: another key is an error, since it would be a slip.
type compose struct {
	Name     string
	Services map[string]struct {
		Image       string
		Build       struct{ Context, Dockerfile string }
		DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
		Environment map[string]string
		Secrets     []string
		Ports       []string
		Volumes     []string
		Healthcheck struct {
			Test              []string
			Interval, Timeout string
			StartPeriod       string `yaml:"start_period"`
		}
		StopGracePeriod string `yaml:"stop_grace_period"`
		Restart         string
		ReadOnly        bool     `yaml:"read_only"`
		CapDrop         []string `yaml:"cap_drop"`
		SecurityOpt     []string `yaml:"security_opt"`
	}
	Volumes map[string]struct{}
	Secrets map[string]struct{ File string }
}

// TestCompose: the file says nothing that compose or gio-server would not understand, and keeps secrets in files.
func TestCompose(t *testing.T) {
	t.Parallel()
	text := read(t, "../deploy/compose.yaml")
	var c compose
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&c); err != nil {
		t.Fatal(err)
	}
	for name, s := range c.Services {
		if len(s.Healthcheck.Test) < 2 || s.Healthcheck.Test[0] != "CMD" {
			t.Errorf("%s has no health check", name)
		}
		if !strings.HasPrefix(s.Image, "${") {
			t.Errorf("%s: the image %s cannot be replaced by a variable", name, s.Image)
		}
		for _, volume := range s.Volumes {
			if named, _, _ := strings.Cut(volume, ":"); !has(c.Volumes, named) {
				t.Errorf("%s: there is no volume %s", name, named)
			}
		}
		for _, secret := range s.Secrets {
			if !has(c.Secrets, secret) {
				t.Errorf("%s: there is no secret %s", name, secret)
			}
		}
		for other, on := range s.DependsOn {
			if !has(c.Services, other) || on.Condition != "service_healthy" {
				t.Errorf("%s depends on %s, %s", name, other, on.Condition)
			}
		}
	}
	ours := c.Services["gio-server"]
	if _, err := os.Stat("../" + ours.Build.Dockerfile); err != nil || ours.Build.Context != ".." {
		t.Errorf("build: %+v, %v", ours.Build, err)
	}
	settings := understood(t, ours.Environment, "/run/secrets/")
	if want := "postgres://gio:planted@postgres/gio?sslmode=disable"; settings.Database != want {
		t.Errorf("the database is %s, want %s", settings.Database, want)
	}
	kept := c.Services["postgres"].Environment
	if kept["POSTGRES_PASSWORD_FILE"] != strings.TrimPrefix(ours.Environment["GIOSERVER_DATABASE_PASSWORD"], "file:") {
		t.Errorf("the server and PostgreSQL have different passwords: %v, %v", ours.Environment, kept)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func has[V any](m map[string]V, key string) bool {
	_, ok := m[key]
	return ok
}

// understood gives the variables to gio-server, which knows each of them or fails; the files of secrets are below a directory of
// the container, and hold "planted" here.
func understood(t *testing.T, variables map[string]string, secrets string) server.Settings {
	t.Helper()
	password := t.TempDir() + "/password"
	if err := os.WriteFile(password, []byte("planted\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var environ []string
	for name, value := range variables {
		if strings.HasPrefix(value, "file:"+secrets) {
			value = "file:" + password
		}
		environ = append(environ, name+"="+value)
	}
	settings, err := server.ReadSettings(server.Settings{}, "", environ)
	if err != nil {
		t.Fatal(err)
	}
	return settings
}

// TestPackagedSettings: gio-server understands the settings of the package, also those that are only proposed, and the service
// keeps its files where they say.
func TestPackagedSettings(t *testing.T) {
	t.Parallel()
	const file = "../deploy/systemd/gio-server.yaml"
	settings, err := server.ReadSettings(server.Settings{}, file, nil)
	if err != nil || settings.Listen != config.ServerListen || settings.Database != "/var/lib/gio-server/ledger.db" {
		t.Errorf("%+v, %v", settings, err)
	}
	proposed := t.TempDir() + "/gio-server.yaml"
	if err := os.WriteFile(proposed, regexp.MustCompile(`(?m)^# (\w+: \S+)$`).ReplaceAll(read(t, file), []byte("$1")), 0o600); err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`(?m)^# (\w+)=$`).FindSubmatch(read(t, "../deploy/systemd/gio-server.default"))
	if name == nil {
		t.Fatal("gio-server.default proposes no variable")
	}
	settings, err = server.ReadSettings(server.Settings{}, proposed, []string{string(name[1]) + "=planted"})
	if want := "postgres://gio:planted@db.example.org/gio"; err != nil || settings.Database != want {
		t.Errorf("%+v, %v, want the database %s", settings, err, want)
	}
	unit := string(read(t, "../deploy/systemd/gio-server.service"))
	for _, line := range []string{
		"ExecStart=/usr/bin/gio-server --config /etc/gio-server/gio-server.yaml", "EnvironmentFile=-/etc/default/gio-server", "User=gio-server",
		"StateDirectory=gio-server", "TimeoutStopSec=40", "Restart=on-failure", "NoNewPrivileges=yes", "ProtectSystem=strict", "PrivateTmp=yes",
	} {
		if !slices.Contains(strings.Split(unit, "\n"), line) {
			t.Errorf("the unit does not say %s", line)
		}
	}
}

// object is what of a Kubernetes object matters here.
type object struct {
	Kind     string
	Metadata struct{ Name string }
	Data     map[string]string
	Spec     struct {
		Replicas             int
		VolumeClaimTemplates []any `yaml:"volumeClaimTemplates"`
		Rules                []struct{ Host string }
		Template             struct{ Spec pod }
	}
}

type pod struct {
	EnableServiceLinks            *bool `yaml:"enableServiceLinks"`
	AutomountServiceAccountToken  *bool `yaml:"automountServiceAccountToken"`
	TerminationGracePeriodSeconds int   `yaml:"terminationGracePeriodSeconds"`
	SecurityContext               struct {
		RunAsNonRoot bool `yaml:"runAsNonRoot"`
		RunAsUser    int  `yaml:"runAsUser"`
	} `yaml:"securityContext"`
	Containers []struct {
		Args            []string
		Env             []struct{ Name, Value string }
		LivenessProbe   probe `yaml:"livenessProbe"`
		ReadinessProbe  probe `yaml:"readinessProbe"`
		SecurityContext struct {
			AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
			ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
		} `yaml:"securityContext"`
		VolumeMounts []struct {
			Name      string
			MountPath string `yaml:"mountPath"`
		} `yaml:"volumeMounts"`
	}
	Volumes []struct {
		Name   string
		Secret struct {
			SecretName string `yaml:"secretName"`
			Items      []struct{ Key, Path string }
		}
	}
}

type probe struct {
	HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
}

// helm runs the program that GIO_TEST_HELM names; without it the test is skipped.
func helm(t *testing.T, args ...string) (string, error) {
	t.Helper()
	program := strings.Fields(os.Getenv("GIO_TEST_HELM"))
	if len(program) == 0 {
		t.Skip("skipped: GIO_TEST_HELM does not name Helm; `make chart` does")
	}
	var said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), program[0], slices.Concat(program[1:], args)...)
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return said.String(), err
	}
	return string(out), nil
}

const chart = "../deploy/chart/gio-server"

// rendered is what `helm template` makes of the chart, by kind; nothing is there twice.
func rendered(t *testing.T, values ...string) map[string]object {
	t.Helper()
	out, err := helm(t, append([]string{"template", "prod", chart}, values...)...)
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	objects := map[string]object{}
	for d := yaml.NewDecoder(strings.NewReader(out)); ; {
		var o object
		if err := d.Decode(&o); errors.Is(err, io.EOF) {
			return objects
		} else if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if has(objects, o.Kind) || o.Metadata.Name != "prod-gio-server" {
			t.Errorf("%s %s", o.Kind, o.Metadata.Name)
		}
		objects[o.Kind] = o
	}
}

// checkPod holds what is true of the pod whatever the database is, and returns the settings that gio-server reads in it.
func checkPod(t *testing.T, p pod) server.Settings {
	t.Helper()
	if len(p.Containers) != 1 {
		t.Fatalf("%d containers", len(p.Containers))
	}
	c := p.Containers[0]
	for what, is := range map[string]bool{
		"no variables of services": p.EnableServiceLinks != nil && !*p.EnableServiceLinks,
		"no token of the cluster":  p.AutomountServiceAccountToken != nil && !*p.AutomountServiceAccountToken,
		"40 seconds to end":        p.TerminationGracePeriodSeconds == 40,
		"the image's user":         p.SecurityContext.RunAsNonRoot && p.SecurityContext.RunAsUser == 65532,
		"no more rights":           c.SecurityContext.AllowPrivilegeEscalation != nil && !*c.SecurityContext.AllowPrivilegeEscalation,
		"files that stay":          c.SecurityContext.ReadOnlyRootFilesystem,
		"lives by /health":         c.LivenessProbe.HTTPGet.Path == "/health",
		"ready by /ready":          c.ReadinessProbe.HTTPGet.Path == "/ready",
		"writes to /data":          len(c.VolumeMounts) > 0 && c.VolumeMounts[0].MountPath == "/data",
	} {
		if !is {
			t.Errorf("the pod has not: %s", what)
		}
	}
	variables, mounts := map[string]string{}, ""
	for _, e := range c.Env {
		variables[e.Name] = e.Value
	}
	if len(c.VolumeMounts) > 1 {
		mounts = c.VolumeMounts[1].MountPath + "/"
	}
	settings := understood(t, variables, mounts)
	if settings.Listen != "0.0.0.0:8790" || settings.Data != "/data" {
		t.Errorf("the settings are %+v", settings)
	}
	return settings
}

func TestChartWithSQLite(t *testing.T) {
	t.Parallel()
	objects := rendered(t)
	kinds := []string{"Service", "ServiceAccount", "StatefulSet"}
	if got := slices.Sorted(maps.Keys(objects)); !slices.Equal(got, kinds) {
		t.Errorf("it has %v, want %v", got, kinds)
	}
	set := objects["StatefulSet"].Spec
	if set.Replicas != 1 || len(set.VolumeClaimTemplates) != 1 {
		t.Errorf("%d replicas, %d volumes", set.Replicas, len(set.VolumeClaimTemplates))
	}
	if settings := checkPod(t, set.Template.Spec); settings.Database != "/data/ledger.db" {
		t.Errorf("the database is %s", settings.Database)
	}
	existing := rendered(t, "--set", "persistence.existingClaim=mine")["StatefulSet"].Spec
	if len(existing.VolumeClaimTemplates) != 0 || len(existing.Template.Spec.Volumes) != 1 {
		t.Errorf("with a volume that exists: %+v", existing)
	}
}

func TestChartWithPostgreSQL(t *testing.T) {
	t.Parallel()
	objects := rendered(t, "--set", "database.kind=postgres,database.url=postgres://gio@db/gio,database.passwordSecret.name=ledger-db,replicas=3",
		"--set", "ingress.enabled=true,ingress.host=gio.example.org")
	kinds := []string{"Deployment", "Ingress", "Service", "ServiceAccount"}
	if got := slices.Sorted(maps.Keys(objects)); !slices.Equal(got, kinds) {
		t.Errorf("it has %v, want %v", got, kinds)
	}
	deployment := objects["Deployment"].Spec
	if settings := checkPod(t, deployment.Template.Spec); settings.Database != "postgres://gio:planted@db/gio" || settings.Blobs != "none" || deployment.Replicas != 3 {
		t.Errorf("%d replicas, the database is %s, files are kept in %s", deployment.Replicas, settings.Database, settings.Blobs)
	}
	shared := rendered(t, "--set", "database.kind=postgres,database.url=postgres://gio@db/gio,persistence.existingClaim=files")["Deployment"].Spec.Template.Spec
	if settings := checkPod(t, shared); settings.Blobs != "" || len(shared.Volumes) != 1 {
		t.Errorf("with a volume that all share: files are kept in %s, %+v", settings.Blobs, shared.Volumes)
	}
	volumes := deployment.Template.Spec.Volumes
	if len(volumes) != 2 || volumes[1].Secret.SecretName != "ledger-db" || volumes[1].Secret.Items[0].Key != "password" {
		t.Fatalf("the volumes are %+v", volumes)
	}
	c := deployment.Template.Spec.Containers[0]
	if file := c.VolumeMounts[1].MountPath + "/" + volumes[1].Secret.Items[0].Path; c.Env[len(c.Env)-1].Value != "file:"+file {
		t.Errorf("the password is in %s, and sought by %v", file, c.Env)
	}
	if rules := objects["Ingress"].Spec.Rules; len(rules) != 1 || rules[0].Host != "gio.example.org" {
		t.Errorf("the ingress has %+v", rules)
	}
}

// TestChartWithSettings: the settings that have no variable are in a file, which gio-server understands.
func TestChartWithSettings(t *testing.T) {
	t.Parallel()
	objects := rendered(t, "--set", "settings.base_url=https://gio.example.org,settingsSecret=outside", "--set",
		"settings.connections.circleci.token=file:/run/secrets/settings/circleci,settings.trusted_proxies={10.0.0.0/8}")
	written := objects["ConfigMap"].Data["gio-server.yaml"]
	file := t.TempDir() + "/gio-server.yaml"
	if err := os.WriteFile(file, []byte(written), 0o600); err != nil {
		t.Fatal(err)
	}
	settings, err := server.ReadSettings(server.Settings{}, file, nil)
	if err != nil || settings.BaseURL != "https://gio.example.org" || len(settings.TrustedProxies) != 1 || !has(settings.Connections, "circleci") {
		t.Errorf("%v, %+v of %s", err, settings, written)
	}
	p := objects["StatefulSet"].Spec.Template.Spec
	checkPod(t, p)
	if got, want := strings.Join(p.Containers[0].Args, " "), "--config /etc/gio-server/gio-server.yaml"; got != want {
		t.Errorf("it is started with %s, want %s", got, want)
	}
	if len(p.Volumes) != 2 || p.Volumes[1].Secret.SecretName != "outside" {
		t.Errorf("the volumes are %+v", p.Volumes)
	}
	mounts := map[string]string{}
	for _, m := range p.Containers[0].VolumeMounts {
		mounts[m.Name] = m.MountPath
	}
	if want := map[string]string{"data": "/data", "settings": "/etc/gio-server", "settings-secret": "/run/secrets/settings"}; !maps.Equal(mounts, want) {
		t.Errorf("the volumes are at %v, want %v", mounts, want)
	}
}

// TestChartRefuses: what cannot work, or would keep a password in the values, is refused with what to do.
func TestChartRefuses(t *testing.T) {
	t.Parallel()
	for values, says := range map[string]string{
		"replicas=2":                                      "a SQLite file is for one server",
		"database.url=postgres://gio@db/gio":              "set it to postgres",
		"database.kind=postgres":                          "set database.url",
		"database.kind=mysql":                             "database/kind",
		"database.url=postgres://gio:planted@db/gio":      "database/url",
		"ingress.enabled=true":                            "set ingress.host",
		"settings.database=x":                             "settings.database is not for here",
		"settings.tls.key=x":                              "settings.tls is not for here",
		"databse.kind=postgres":                           "databse",
		"database.kind=postgres,database.url=sqlite:/x/y": "database/url",
	} {
		if out, err := helm(t, "template", "prod", chart, "--set", values); err == nil || !strings.Contains(out, says) {
			t.Errorf("%s: %v, and it does not say %q: %s", values, err, says, out)
		}
	}
}
