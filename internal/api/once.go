package api

import (
	"context"
	"encoding/json"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/wire"
)

// keyParameter documents the header that makes it safe to send a POST again. The edge reads it.
func keyParameter() *huma.Param {
	longest := 255
	return &huma.Param{
		Name: "Idempotency-Key", In: "header", Schema: &huma.Schema{Type: "string", MaxLength: &longest},
		Description: "a text of the client's own for this request: sent again within a day it changes nothing and gets the same answer",
	}
}

// shownBefore is what a token says that was made by an earlier request.
const shownBefore = "made before, by the same request; its secret was shown then and is kept nowhere"

// kept is what of an answer is kept, for who sends the request again: all but a secret.
func kept(body any) any {
	if made, is := body.(wire.CreatedToken); is {
		made.Secret, made.Note = "", shownBefore
		return made
	}
	return body
}

// once does what a request asks for, or finds what it was answered before.
func once[O any](ctx context.Context, l *ledger.Ledger, c ledger.Caller, do func(context.Context) (O, error)) (*answer[O], error) {
	made := answer[O]{}
	text, again, err := l.Once(ctx, ledger.RequestOf(ctx, c), func(ctx context.Context) (string, error) {
		var err error
		if made.Body, err = do(ctx); err != nil {
			return "", err
		}
		text, err := json.Marshal(kept(made.Body))
		return string(text), err
	})
	if err != nil || !again {
		return &made, err
	}
	old := answer[O]{Replayed: "true"}
	return &old, json.Unmarshal([]byte(text), &old.Body)
}
