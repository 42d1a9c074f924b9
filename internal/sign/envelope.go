package sign

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
)

// PayloadType is what an envelope calls a statement.
const PayloadType = "application/vnd.in-toto+json"

type (
	envelope struct {
		Payload     *string     `json:"payload"`
		PayloadType *string     `json:"payloadType"`
		Signatures  []signature `json:"signatures"`
	}
	signature struct {
		KeyID string `json:"keyid"`
		Sig   string `json:"sig"`
	}
)

// pae encodes what a signature covers: the type and the text, so that neither can be taken for a part of the other.
func pae(payloadType string, payload []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload)
}

// Sign returns an envelope, in JSON, with the statement and one signature. The same key and statement give the same bytes. Faults, of
// kind Invalid: "signing-key" where only the public half is known, "statement" for one that is incomplete, empty or not plain.
func (k Key) Sign(s Statement) ([]byte, error) {
	if k.sign == nil {
		return nil, fault.New(fault.Invalid, "signing-key", "the key %q cannot sign: only its public half is known", k.name).
			Hint("the server's setting keys names the file with the private key")
	}
	payload, err := s.encode()
	if err != nil {
		return nil, err
	}
	sig, err := k.sign(pae(PayloadType, payload))
	if err != nil {
		return nil, fault.New(fault.Internal, "sign", "the key %q did not sign the list of %s", k.name, s.title()).Because(err)
	}
	text, payloadType := base64.StdEncoding.EncodeToString(payload), PayloadType
	signed := envelope{&text, &payloadType, []signature{{k.id, base64.StdEncoding.EncodeToString(sig)}}}
	return json.Marshal(signed)
}

// Verify returns the statement of an envelope that one of the keys has signed, and the name of that key; of several signatures one is
// enough. The caller compares the items with what it has. Faults, of kind Invalid:
//   - "signature-envelope": the envelope cannot be read, or bears no signature.
//   - "signature-type": what it holds is not called a statement.
//   - "signature-key": none of the signatures claims to be of one of the keys, and none is.
//   - "signature-wrong": one claims to be of a key and is not: the list, the signature or the key is another one.
//   - "signature-statement": the signature is good, but what it signs is not the list of a bundle.
func Verify(text []byte, keys []Key) (Statement, string, error) {
	e, payload, err := open(text)
	if err != nil {
		return Statement{}, "", err
	}
	if *e.PayloadType != PayloadType {
		return Statement{}, "", fault.New(fault.Invalid, "signature-type", "the envelope holds %.100q, not %s", *e.PayloadType, PayloadType)
	}
	message := pae(*e.PayloadType, payload)
	for _, s := range e.Signatures {
		sig, err := decodeBase64(s.Sig)
		if err != nil {
			continue // another one may be good
		}
		for _, key := range keys {
			if key.verify(message, sig) { // a key's id is no proof, and need not be there
				statement, err := decode(payload)
				return statement, key.name, err
			}
		}
	}
	return Statement{}, "", unverified(e, keys)
}

// open reads an envelope and the text in it.
func open(text []byte) (envelope, []byte, error) {
	bad := fault.New(fault.Invalid, "signature-envelope", "the signature cannot be read: it is not a DSSE envelope")
	var e envelope
	if err := json.Unmarshal(text, &e); err != nil {
		return e, nil, bad.Because(err)
	}
	if e.Payload == nil || e.PayloadType == nil || len(e.Signatures) == 0 {
		return e, nil, bad.Hint("it must have payload, payloadType and signatures")
	}
	payload, err := decodeBase64(*e.Payload)
	if err != nil {
		return e, nil, bad.Because(err)
	}
	return e, payload, nil
}

// decodeBase64 reads either alphabet: an envelope may be written in both.
func decodeBase64(text string) ([]byte, error) {
	if strings.ContainsAny(text, "-_") {
		return base64.URLEncoding.DecodeString(text)
	}
	return base64.StdEncoding.DecodeString(text)
}

// unverified says why no signature is good, as far as the ids can tell.
func unverified(e envelope, keys []Key) error {
	var names []string
	for _, key := range keys {
		if slices.ContainsFunc(e.Signatures, func(s signature) bool { return s.KeyID == key.id }) {
			return fault.New(fault.Invalid, "signature-wrong", "the signature of the key %q is wrong", key.name).
				Hint("the list or its signature was changed after it was signed: do not use what it lists")
		}
		names = append(names, key.name)
	}
	known := "no key is known"
	if len(names) > 0 {
		slices.Sort(names)
		known = "known are " + strings.Join(names, ", ")
	}
	return fault.New(fault.Invalid, "signature-key", "the list is not signed by a known key").Hint("%s: the setting keys names them", known)
}
