package main

import (
	"net/http"
	"os"
)

// change registers what changes state: on the socket for root and for the user that the server runs as, and nowhere else. Each is logged.
func (h *house) change(mux, local *http.ServeMux, pattern string, do func(w http.ResponseWriter, r *http.Request) error) {
	mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusForbidden, "changes are taken on the Unix socket only: set admin.socket, and use --admin SOCKET")
	})
	local.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		who, known := r.Context().Value(peerKey{}).(peer)
		log := h.log.With("action", r.Method+" "+r.URL.RequestURI(), "uid", who.uid, "pid", who.pid)
		if !known || who.uid != 0 && int(who.uid) != os.Getuid() {
			log.Warn("admin change refused")
			refuse(w, http.StatusForbidden, "changes are taken from root and from the user that wefka serve runs as")
			return
		}
		if err := do(w, r); err != nil {
			log.Error("admin change failed", "error", err)
			return
		}
		log.Info("admin change")
		w.WriteHeader(http.StatusNoContent)
	})
}
