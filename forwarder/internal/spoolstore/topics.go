package spoolstore

// CountByTopic counts the messages of each topic that are not done, refused ones
// included. It reads them all.
func (s *Store) CountByTopic() (map[string]int, error) {
	counts := map[string]int{}
	c := s.Cursor(0)
	c.Want = func(r *Record) bool {
		for _, run := range s.Pending(r.Range()) {
			for n := run.First; n < run.Next; n++ {
				counts[r.Entry.TopicOf(int(n-r.First))]++ //nolint:gosec // an index
			}
		}
		return false
	}
	if _, _, err := c.TryNext(); err != nil {
		return nil, err
	}
	for m, err := range s.Refused() {
		if err != nil {
			continue // damaged, which is reported
		}
		counts[m.Entry.Topic]++
	}
	return counts, nil
}
