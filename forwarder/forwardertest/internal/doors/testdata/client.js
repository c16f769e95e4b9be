// Posts with mParticle's Node SDK: one batch, a bulk request of two, and one that is
// refused. Arguments: base URL, API key, secret. Prints what the SDK says, one JSON
// text a line.
const mParticle = require('mparticle');
const [url, key, secret] = process.argv.slice(2);
const api = new mParticle.EventsApi(new mParticle.Configuration(key, secret));
api.apiClient.basePath = url;

function batch(request, mpid) {
  const b = new mParticle.Batch(mParticle.Batch.Environment.development);
  b.mpid = mpid;
  b.source_request_id = request;
  b.user_identities = new mParticle.UserIdentities();
  b.user_identities.customerid = 'c-1';
  b.user_identities.email = 'jane@example.com';
  b.user_attributes = { plan: 'gold' };
  const start = new mParticle.SessionStartEvent();
  start.session_uuid = 's-1';
  start.timestamp_unixtime_ms = 1600000000000;
  b.addEvent(start);
  const event = new mParticle.AppEvent('search', 'a < b & é');
  event.session_uuid = 's-1';
  event.timestamp_unixtime_ms = 1600000001000;
  event.custom_attributes = { size: '1.50' };
  b.addEvent(event);
  return b;
}

function say(post) {
  return new Promise((resolve) => {
    post((error, data, response) => {
      const answer = response || (error && error.response) || {};
      console.log(JSON.stringify({ error: error !== null, status: answer.status || 0, text: answer.text || '' }));
      resolve();
    });
  });
}

(async () => {
  await say((done) => api.uploadEvents(batch('one', '-7636538281262557001'), done));
  await say((done) => api.bulkUploadEvents([batch('two', '7'), batch('three', '8')], done));
  await say((done) => api.uploadEvents(batch('bad', 'x'), done));
})();
