package sign

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
)

func privatePEM(t testing.TB, private any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// newKeys makes a key of each kind, named after it.
func newKeys(t testing.TB) map[string][]byte {
	t.Helper()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{"ed25519": privatePEM(t, ed)}
	for name, curve := range map[string]elliptic.Curve{"p256": elliptic.P256(), "p384": elliptic.P384()} {
		ec, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = privatePEM(t, ec)
	}
	return all
}

func parse(t testing.TB, name string, text []byte) Key {
	t.Helper()
	k, err := ParseKey(name, text)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func list() Statement {
	return Statement{Project: "shop", Name: "Commons-Bundle", Version: "1.0.0", Items: []Item{
		{"acme/<web>:1.0.0", strings.Repeat("b", 64)},
		{"libs-dev/io/acme/a b.jar", strings.Repeat("0a", 32)},
		{"libs-dev/io/acme/é;x=1.jar", strings.Repeat("1", 64)},
	}}
}

func TestSignAndVerify(t *testing.T) {
	t.Parallel()
	for name, text := range newKeys(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key := parse(t, name, text)
			public := parse(t, "public", key.Public())
			if !key.CanSign() || public.CanSign() || public.ID() != key.ID() || len(key.ID()) != 64 || key.Name() != name {
				t.Errorf("key %v %s, public %v %s", key.CanSign(), key.ID(), public.CanSign(), public.ID())
			}
			signed, err := key.Sign(list())
			if err != nil {
				t.Fatal(err)
			}
			backwards := list()
			slices.Reverse(backwards.Items)
			again, err := key.Sign(backwards)
			if err != nil || !bytes.Equal(signed, again) {
				t.Errorf("the same list in another order has another envelope (%v):\n%s\n%s", err, signed, again)
			}
			got, by, err := Verify(signed, []Key{parse(t, "other", newKeys(t)[name]), public})
			if err != nil || by != "public" {
				t.Fatalf("by %q: %v", by, err)
			}
			if diff := cmp.Diff(list(), got); diff != "" {
				t.Error(diff)
			}
			if _, err := public.Sign(list()); !fault.Is(err, "signing-key") {
				t.Errorf("a public key signs: %v", err)
			}
		})
	}
}

// TestStatementBytes: others verify what gio signs, with tools of their own.
func TestStatementBytes(t *testing.T) {
	t.Parallel()
	got, err := list().encode()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"_type":"https://in-toto.io/Statement/v1","subject":[` +
		`{"name":"acme/<web>:1.0.0","digest":{"sha256":"` + strings.Repeat("b", 64) + `"}},` +
		`{"name":"libs-dev/io/acme/a b.jar","digest":{"sha256":"` + strings.Repeat("0a", 32) + `"}},` +
		`{"name":"libs-dev/io/acme/é;x=1.jar","digest":{"sha256":"` + strings.Repeat("1", 64) + `"}}],` +
		`"predicateType":"https://github.com/gravitee-lab/gio/bundle/v1","predicate":{"project":"shop","name":"Commons-Bundle","version":"1.0.0"}}`
	if string(got) != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

// The test vector of DSSE 1.0.2, protocol.md. It writes r and s one after the other, gio and most others write ASN.1.
const (
	vectorType = "http://example.com/HelloWorld"
	vectorPAE  = "DSSEv1 29 http://example.com/HelloWorld 11 hello world"
	vectorD    = "97358161215184420915383655311931858321456579547487070936769975997791359926199"
	vectorX    = "46950820868899156662930047687818585632848591499744589407958293238635476079160"
	vectorSig  = "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="
)

func TestVector(t *testing.T) {
	t.Parallel()
	message := pae(vectorType, []byte("hello world"))
	if string(message) != vectorPAE {
		t.Fatalf("%q", message)
	}
	if got := pae("é", nil); string(got) != "DSSEv1 2 é 0 " {
		t.Errorf("lengths are of bytes: %q", got)
	}
	d, _ := new(big.Int).SetString(vectorD, 10)
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d.FillBytes(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	point, err := private.PublicKey.Bytes() // 4, X, Y
	if err != nil || new(big.Int).SetBytes(point[1:33]).String() != vectorX {
		t.Fatalf("another key: %x, %v", point, err)
	}
	key := parse(t, "vector", privatePEM(t, private))
	signed, err := key.sign(message)
	if err != nil {
		t.Fatal(err)
	}
	var rs struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(signed, &rs); err != nil {
		t.Fatal(err)
	}
	raw := rs.S.FillBytes(make([]byte, 64))
	copy(raw, rs.R.FillBytes(make([]byte, 32)))
	if got := base64.StdEncoding.EncodeToString(raw); got != vectorSig {
		t.Errorf("signed %s, want %s", got, vectorSig)
	}
	if !key.verify(message, signed) {
		t.Error("the signature of the vector is not good")
	}
}

// parts takes an envelope apart.
func parts(t testing.TB, text []byte) (payload []byte, whole map[string]any) {
	t.Helper()
	if err := json.Unmarshal(text, &whole); err != nil {
		t.Fatal(err)
	}
	payload, err := base64.StdEncoding.DecodeString(whole["payload"].(string))
	if err != nil {
		t.Fatal(err)
	}
	return payload, whole
}

func join(t testing.TB, whole map[string]any) []byte {
	t.Helper()
	text, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// signRaw signs any text as a statement.
func signRaw(t testing.TB, key Key, payloadType, payload string) []byte {
	t.Helper()
	sig, err := key.sign(pae(payloadType, []byte(payload)))
	if err != nil {
		t.Fatal(err)
	}
	return join(t, map[string]any{
		"payloadType": payloadType, "payload": base64.URLEncoding.EncodeToString([]byte(payload)),
		"signatures": []any{map[string]string{"sig": base64.URLEncoding.EncodeToString(sig)}},
	})
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	texts := newKeys(t)
	key, other := parse(t, "release", texts["p256"]), parse(t, "other", texts["ed25519"])
	good, err := key.Sign(list())
	if err != nil {
		t.Fatal(err)
	}
	payload, _ := parts(t, good)
	edit := func(change func(whole map[string]any)) []byte {
		_, whole := parts(t, good)
		change(whole)
		return join(t, whole)
	}
	changed := base64.StdEncoding.EncodeToString(bytes.Replace(payload, []byte("1.0.0"), []byte("1.0.1"), 1))
	swap := func(old, new string) []byte {
		return signRaw(t, key, PayloadType, strings.Replace(string(payload), old, new, 1))
	}
	both := func(first any) []byte {
		return edit(func(w map[string]any) { w["signatures"] = append([]any{first}, w["signatures"].([]any)...) })
	}
	for name, c := range map[string]struct {
		text []byte
		code string
		says string
	}{
		"as it was signed":           {good, "", ""},
		"more than is asked":         {edit(func(w map[string]any) { w["extra"] = 1 }), "", ""},
		"no id":                      {signRaw(t, key, PayloadType, string(payload)), "", ""},
		"another's signature beside": {both(map[string]string{"keyid": "x", "sig": "eHg="}), "", ""},
		"a broken one beside":        {both(map[string]string{"sig": "%"}), "", ""},
		"changed list":               {edit(func(w map[string]any) { w["payload"] = changed }), "signature-wrong", `the key "release"`},
		"another key's id": {edit(func(w map[string]any) {
			w["payload"], w["signatures"].([]any)[0].(map[string]any)["keyid"] = changed, other.ID()
		}), "signature-wrong", `the key "other"`},
		"changed signature":      {edit(func(w map[string]any) { w["signatures"].([]any)[0].(map[string]any)["sig"] = "AAAA" }), "signature-wrong", ""},
		"other type":             {edit(func(w map[string]any) { w["payloadType"] = "text/plain" }), "signature-type", "text/plain"},
		"other type, signed":     {signRaw(t, key, "text/plain", string(payload)), "signature-type", "text/plain"},
		"no signature":           {edit(func(w map[string]any) { w["signatures"] = []any{} }), "signature-envelope", ""},
		"no payload":             {edit(func(w map[string]any) { delete(w, "payload") }), "signature-envelope", ""},
		"no type":                {edit(func(w map[string]any) { delete(w, "payloadType") }), "signature-envelope", ""},
		"payload not base64":     {edit(func(w map[string]any) { w["payload"] = "%%%" }), "signature-envelope", ""},
		"cut":                    {good[:len(good)-1], "signature-envelope", ""},
		"two":                    {append(slices.Clone(good), good...), "signature-envelope", ""},
		"nothing":                {nil, "signature-envelope", ""},
		"unknown key":            {signRaw(t, parse(t, "", newKeys(t)["p384"]), PayloadType, string(payload)), "signature-key", "known key"},
		"not JSON, signed":       {signRaw(t, key, PayloadType, "hello"), "signature-statement", ""},
		"older statement":        {swap("Statement/v1", "Statement/v0.1"), "signature-statement", ""},
		"of something else":      {swap("gio/bundle/v1", "gio/other/v1"), "signature-statement", ""},
		"one item twice":         {swap("acme/<web>:1.0.0", "libs-dev/io/acme/a b.jar"), "signature-statement", "twice"},
		"an item without a name": {swap("acme/<web>:1.0.0", ""), "signature-statement", "no name"},
		"a short digest":         {swap(strings.Repeat("0a", 32), "0a"), "signature-statement", "SHA-256 of libs-dev/io/acme/a b.jar"},
		"no bundle":              {swap("Commons-Bundle", ""), "signature-statement", "must name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, by, err := Verify(c.text, []Key{other, key})
			if fault.CodeOf(err) != c.code || err != nil && (fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), c.says)) {
				t.Fatalf("%v, want %q that says %q", err, c.code, c.says)
			}
			if err == nil && (by != "release" || !cmp.Equal(list(), got)) {
				t.Errorf("by %q: %v", by, got)
			}
		})
	}
	_, _, err = Verify(good, nil)
	if !fault.Is(err, "signature-key") {
		t.Errorf("without keys: %v", err)
	}
	_, _, err = Verify(good, []Key{other, parse(t, "aged", texts["p384"])})
	if hints := strings.Join(fault.HintLines(err), " "); !strings.Contains(hints, "known are aged, other") {
		t.Errorf("the fault does not name the known keys: %v", err)
	}
}

func TestSignRefuses(t *testing.T) {
	t.Parallel()
	key := parse(t, "release", newKeys(t)["ed25519"])
	for name, change := range map[string]func(*Statement){
		"empty":            func(s *Statement) { s.Items = nil },
		"no project":       func(s *Statement) { s.Project = "" },
		"no version":       func(s *Statement) { s.Version = "" },
		"name not UTF-8":   func(s *Statement) { s.Name = "\xff" },
		"item not UTF-8":   func(s *Statement) { s.Items[1].Name = "\xff" },
		"item without":     func(s *Statement) { s.Items[1].Name = "" },
		"twice":            func(s *Statement) { s.Items[1].Name = s.Items[2].Name },
		"no digest":        func(s *Statement) { s.Items[1].SHA256 = "" },
		"SHA-1":            func(s *Statement) { s.Items[1].SHA256 = strings.Repeat("a", 40) },
		"upper case":       func(s *Statement) { s.Items[1].SHA256 = strings.Repeat("A", 64) },
		"with a prefix":    func(s *Statement) { s.Items[1].SHA256 = "sha256:" + strings.Repeat("a", 64) },
		"not hexadecimal":  func(s *Statement) { s.Items[1].SHA256 = strings.Repeat("g", 64) },
		"longer than that": func(s *Statement) { s.Items[1].SHA256 = strings.Repeat("a", 66) },
	} {
		s := list()
		change(&s)
		if signed, err := key.Sign(s); !fault.Is(err, "statement") {
			t.Errorf("%s: %s, %v", name, signed, err)
		}
	}
}

func TestParseKeyRefuses(t *testing.T) {
	t.Parallel()
	weak, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	wide, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sec1, err := x509.MarshalECPrivateKey(wide)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	good := newKeys(t)["ed25519"]
	for name, c := range map[string]struct {
		text []byte
		says string
	}{
		"nothing":    {nil, "not PEM"},
		"a password": {[]byte("hunter2"), "not PEM"},
		"RSA":        {privatePEM(t, weak), "neither"},
		"P-521":      {privatePEM(t, wide), "P-521"},
		"SEC 1":      {block("EC PRIVATE KEY", sec1), "EC PRIVATE KEY"},
		"encrypted":  {block("ENCRYPTED PRIVATE KEY", []byte("hunter2")), "encrypted"},
		"odd type":   {block("hunter2", nil), "this is not a kind"},
		"bad PKCS#8": {block("PRIVATE KEY", []byte("hunter2")), "PKCS#8"},
		"bad PKIX":   {block("PUBLIC KEY", []byte("hunter2")), "PKIX"},
		"two":        {append(slices.Clone(good), good...), "more than one"},
	} {
		_, err := ParseKey("release", c.text)
		if !fault.Is(err, "signing-key") || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestKeysAreNotShown: whoever prints a key, or what holds one, shows no part of its private half.
func TestKeysAreNotShown(t *testing.T) {
	t.Parallel()
	seed := bytes.Repeat([]byte("hunter2!"), 4)
	key := parse(t, "release", privatePEM(t, ed25519.NewKeyFromSeed(seed)))
	holder := struct{ key Key }{key}
	secret := []string{"hunter2!", fmt.Sprintf("%x", seed), "104 117 110 116", "0x68, 0x75, 0x6e"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		shown := fmt.Sprintf(verb, key) + fmt.Sprintf(verb, holder) + fmt.Sprintf(verb, &holder)
		for _, text := range secret {
			if strings.Contains(shown, text) {
				t.Errorf("%s shows %s", verb, text)
			}
		}
	}
}

// FuzzVerify: whatever comes, nothing but what was signed is believed.
func FuzzVerify(f *testing.F) {
	key := parse(f, "release", privatePEM(f, ed25519.NewKeyFromSeed(make([]byte, 32))))
	good, err := key.Sign(list())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(signRaw(f, key, PayloadType, "{}"))
	f.Add([]byte(`{"payload":"aGVsbG8gd29ybGQ=","payloadType":"http://example.com/HelloWorld","signatures":[{"sig":"` + vectorSig + `"}]}`))
	f.Add([]byte(`{"payload":null,"payloadType":"","signatures":[null]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, by, err := Verify(text, []Key{key})
		switch {
		case err != nil && fault.KindOf(err) != fault.Invalid:
			t.Errorf("not a fault that a caller expects: %v", err)
		case err == nil && (by != "release" || !cmp.Equal(list(), got)):
			t.Errorf("believed without a signature: %v", got)
		}
	})
}

// FuzzDecode: what is read as a statement can be signed again, and then reads the same.
func FuzzDecode(f *testing.F) {
	good, err := list().encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"_type":"` + StatementType + `","predicateType":"` + PredicateType + `","subject":[null]}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		s, err := decode(payload)
		if err != nil {
			return
		}
		text, err := s.encode()
		if err != nil {
			t.Fatalf("cannot be written: %v", err)
		}
		again, err := decode(text)
		if err != nil || !cmp.Equal(s, again) {
			t.Errorf("%v\n%v\n%v", s, again, err)
		}
	})
}
