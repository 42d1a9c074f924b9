package server

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/gravitee-lab/gio/internal/worker"
)

// Receivers get news of deployments, by their names: "slack" and "webhook". Their secrets have not been read.
type Receivers map[string]receiver

// receiver is one of them. An incoming webhook of Slack has nothing but its address, which is a secret.
type receiver struct {
	url     string
	secrets map[string]reference
}

// Resolve reads the secrets. Its fault "no-secret" names the place in the settings, and never a value.
func (all Receivers) Resolve() (map[string]worker.Receiver, error) {
	resolved := map[string]worker.Receiver{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		texts := map[string]string{}
		for key, secret := range all[name].secrets {
			text, err := secret.read()
			if err != nil {
				return nil, err
			}
			texts[key] = text
		}
		made := worker.Receiver{URL: all[name].url, Secret: texts["secret"]}
		if name == "slack" {
			made.URL, made.Slack = texts["webhook"], true
		}
		if u, err := url.Parse(made.URL); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
			return nil, all[name].secrets["webhook"].missing("it is no https://HOST/PATH")
		}
		resolved[name] = made
	}
	return resolved, nil
}

// readReceivers reads notify: {slack: {webhook: SECRET}, webhook: {url: URL, secret: SECRET}}.
func readReceivers(path string, node *yaml.Node, getenv func(string) string) (Receivers, error) {
	r := connectionReader{path, getenv}
	entries, err := r.entries("notify", node)
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	known := map[string][]string{"slack": {"webhook"}, "webhook": {"url", "secret"}}
	all := Receivers{}
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		key := "notify." + name
		if known[name] == nil {
			return nil, r.invalid(entries[name], key, "news go to slack and webhook")
		}
		written, err := r.entries(key, entries[name])
		if err != nil {
			return nil, err
		}
		for _, field := range slices.Sorted(maps.Keys(written)) {
			if !slices.Contains(known[name], field) {
				return nil, r.invalid(written[field], key+"."+field, "there is no such key: it has %s", strings.Join(known[name], " and "))
			}
		}
		if must := written[known[name][0]]; must == nil { // a signature is no must
			return nil, r.invalid(entries[name], key+"."+known[name][0], "news need it")
		}
		d := declared{secrets: map[string]reference{}}
		for field, value := range written {
			if err := r.field(&d, key, field, value); err != nil {
				return nil, err
			}
		}
		all[name] = receiver{d.url, d.secrets}
	}
	return all, nil
}
