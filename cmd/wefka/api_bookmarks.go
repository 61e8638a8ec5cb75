package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/wefka/wefka/subscriptions"
)

// bookmarkList is what GET /api/v1/bookmarks answers, and what PUT takes.
type bookmarkList struct {
	Bookmarks []bookmarkAnswer `json:"bookmarks"`
}

type bookmarkAnswer struct {
	SubscriptionID string     `json:"subscription_id"`
	Source         string     `json:"source"`
	Bookmark       string     `json:"bookmark"`
	Time           *time.Time `json:"time,omitempty"`
}

// largestImport bounds a PUT: a million small bookmarks.
const largestImport = 1 << 30

func (h *house) apiBookmarks(mux, local *http.ServeMux) {
	mux.HandleFunc("GET /api/v1/bookmarks", func(w http.ResponseWriter, r *http.Request) {
		list := bookmarkList{Bookmarks: []bookmarkAnswer{}}
		for p := range h.manager.Bookmarks(h.subscriptionID(r), r.URL.Query().Get("source")) {
			list.Bookmarks = append(list.Bookmarks, bookmarkAnswer{p.Subscription, p.Source, p.Bookmark, known(p.Time)})
		}
		slices.SortFunc(list.Bookmarks, func(a, b bookmarkAnswer) int {
			return strings.Compare(a.SubscriptionID+"\x00"+a.Source, b.SubscriptionID+"\x00"+b.Source)
		})
		answer(w, list)
	})
	h.change(mux, local, "DELETE /api/v1/bookmarks", func(w http.ResponseWriter, r *http.Request) error {
		_, err := h.manager.ResetBookmarks(r.Context(), h.subscriptionID(r), r.URL.Query().Get("source"))
		if err != nil {
			refuse(w, http.StatusInternalServerError, err.Error())
		}
		return err
	})
	h.change(mux, local, "PUT /api/v1/bookmarks", func(w http.ResponseWriter, r *http.Request) error {
		var list bookmarkList
		d := json.NewDecoder(http.MaxBytesReader(w, r.Body, largestImport))
		d.DisallowUnknownFields()
		err := d.Decode(&list)
		if err == nil {
			positions := make([]subscriptions.Position, len(list.Bookmarks))
			for i, b := range list.Bookmarks {
				positions[i] = subscriptions.Position{Key: subscriptions.Key{Subscription: b.SubscriptionID, Source: b.Source}, Bookmark: b.Bookmark}
				if b.Time != nil {
					positions[i].Time = *b.Time
				}
			}
			err = h.manager.Import(r.Context(), positions)
		}
		if err != nil {
			refuse(w, http.StatusBadRequest, err.Error())
		}
		return err
	})
}

// subscriptionID is the one that a request names, by name or id; "" for all. A name that nobody has is an id that nothing has.
func (h *house) subscriptionID(r *http.Request) string {
	name := r.URL.Query().Get("subscription")
	for _, s := range h.manager.Subscriptions() {
		if s.Name == name {
			return s.ID
		}
	}
	return name
}
