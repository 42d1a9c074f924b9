package report

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// BOMCycloneDX writes the whole product as a CycloneDX 1.6 document (https://cyclonedx.org/docs/1.6/json/). Gio is the
// version of this program. The same bill of materials gives the same bytes: the serial number is a hash of the content, and
// the time is the run's.
//
// A component's package URL names its Git repository and tag, because these are certain to exist after a release:
// pkg:github/org/name@version, or pkg:generic with a vcs_url where the repository is not on github.com
// (https://github.com/package-url/purl-spec, types github and generic).
func BOMCycloneDX(w io.Writer, b BOM, gio string) error {
	doc := cdx.NewBOM()
	doc.Metadata = b.metadata(gio)
	components := []cdx.Component{}
	dependsOn := []string{}
	for _, m := range b.all() {
		c := b.component(m)
		components = append(components, c)
		dependsOn = append(dependsOn, c.BOMRef)
	}
	doc.Components = &components
	doc.Dependencies = &[]cdx.Dependency{{Ref: doc.Metadata.Component.BOMRef, Dependencies: &dependsOn}}
	var text bytes.Buffer
	if err := encodeCycloneDX(&text, doc); err != nil {
		return err
	}
	doc.SerialNumber = serialNumber(text.Bytes())
	return encodeCycloneDX(w, doc)
}

func encodeCycloneDX(w io.Writer, doc *cdx.BOM) error {
	return cdx.NewBOMEncoder(w, cdx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false).EncodeVersion(doc, cdx.SpecVersion1_6)
}

// serialNumber returns a UUID of version 8, which allows a hash of one's own choice (RFC 9562, 5.8).
func serialNumber(content []byte) string {
	h := sha256.Sum256(content)
	h[6], h[8] = h[6]&0x0f|0x80, h[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", h[0:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

func (b BOM) metadata(gio string) *cdx.Metadata {
	phase := cdx.LifecyclePhasePostBuild
	if b.Open {
		phase = cdx.LifecyclePhasePreBuild
	}
	product := cdx.Component{BOMRef: "product", Type: cdx.ComponentTypeApplication, Name: b.Product, Version: b.Version}
	if b.Commit != "" {
		product.Pedigree = commits(b.Commit, "")
	}
	m := &cdx.Metadata{
		Lifecycles: &[]cdx.Lifecycle{{Phase: phase}},
		Tools:      &cdx.ToolsChoice{Components: &[]cdx.Component{{Type: cdx.ComponentTypeApplication, Name: "gio", Version: gio}}},
		Component:  &product,
	}
	if !b.Time.IsZero() {
		m.Timestamp = b.Time.UTC().Format(time.RFC3339)
	}
	return m
}

// component makes one entry. Its type is library, as the specification recommends where nothing says otherwise.
func (b BOM) component(m Material) cdx.Component {
	c := cdx.Component{
		BOMRef: m.Name + "@" + m.Version, Type: cdx.ComponentTypeLibrary, Name: m.Name, Version: m.Version, PackageURL: b.purl(m),
	}
	var links []cdx.ExternalReference
	if m.Repository != "" {
		links = append(links, cdx.ExternalReference{Type: cdx.ERTypeVCS, URL: b.Host + "/" + m.Repository})
	}
	if link := webLink(m.Pipeline); link != "" {
		links = append(links, cdx.ExternalReference{Type: cdx.ERTypeBuildSystem, URL: link, Comment: "the pipeline that released it"})
	}
	if len(links) > 0 {
		c.ExternalReferences = &links
	}
	if m.Commit != "" {
		c.Pedigree = commits(m.Commit, commitURL(b.Host, m.Repository, m.Commit))
	}
	if m.Since != "" && !strings.HasSuffix(m.Version, "-SNAPSHOT") {
		c.Properties = &[]cdx.Property{{Name: "gio:since", Value: m.Since}}
	}
	return c
}

func commits(commit, address string) *cdx.Pedigree {
	return &cdx.Pedigree{Commits: &[]cdx.Commit{{UID: commit, URL: address}}}
}

// purl returns the package URL of a component. GitHub's ignore case and are written in lower case.
func (b BOM) purl(m Material) string {
	if host, _ := url.Parse(b.Host); m.Repository != "" && host != nil && strings.EqualFold(host.Host, "github.com") {
		org, name, _ := strings.Cut(strings.ToLower(m.Repository), "/")
		return "pkg:github/" + url.PathEscape(org) + "/" + url.PathEscape(name) + "@" + purlEscape(m.Version)
	}
	generic := "pkg:generic/" + purlEscape(m.Name) + "@" + purlEscape(m.Version)
	if m.Repository == "" {
		return generic
	}
	return generic + "?vcs_url=" + purlEscape("git+"+b.Host+"/"+m.Repository)
}

// purlEscape encodes everything but letters, digits and ".-_~", as package URLs require.
func purlEscape(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }
