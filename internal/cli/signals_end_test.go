package cli

import (
	"os"
	"testing"
)

// TestSignalAtTheEnd: a signal that arrives when nothing handles signals any more, because gio is about to end, is dropped.
func TestSignalAtTheEnd(t *testing.T) {
	t.Parallel()
	var s signals
	from, over, ended := make(chan os.Signal), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		s.listen(from, over)
	}()
	handled := 0
	giveBack := s.handleWith(func(os.Signal) { handled++ })
	from <- os.Interrupt
	giveBack()
	from <- os.Interrupt
	close(over)
	<-ended
	if handled != 1 {
		t.Errorf("%d signals were handled, want 1", handled)
	}
}
