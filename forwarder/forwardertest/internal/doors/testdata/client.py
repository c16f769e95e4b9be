"""Posts with mParticle's Python SDK: one batch, a bulk request of two, and one that
is refused. Arguments: base URL, API key, secret, file of the authority. Prints what
the SDK says, one JSON text a line."""
import json
import sys

import mparticle
from mparticle.rest import ApiException

url, key, secret, authority = sys.argv[1:]
configuration = mparticle.Configuration()
configuration.api_key = key
configuration.api_secret = secret
configuration.host = url
configuration.ssl_ca_cert = authority
api = mparticle.EventsApi(configuration)


def batch(request, mpid):
    b = mparticle.Batch()
    b.environment = 'development'
    b.mpid = mpid
    b.source_request_id = request
    identities = mparticle.UserIdentities()
    identities.customerid = 'c-1'
    identities.email = 'jane@example.com'
    b.user_identities = identities
    b.user_attributes = {'plan': 'gold'}
    start = mparticle.SessionStartEvent()
    start.session_uuid = 's-1'
    start.timestamp_unixtime_ms = 1600000000000
    event = mparticle.AppEvent('a < b & é', 'search')
    event.session_uuid = 's-1'
    event.timestamp_unixtime_ms = 1600000001000
    event.custom_attributes = {'size': '1.50'}
    b.events = [start, event]
    return b


def say(post):
    try:
        status = post()[1]
        print(json.dumps({'error': False, 'status': status, 'text': ''}))
    except ApiException as e:
        body = e.body.decode() if isinstance(e.body, bytes) else e.body
        print(json.dumps({'error': True, 'status': e.status, 'text': body or ''}))


say(lambda: api.upload_events_with_http_info(batch('one', -7636538281262557001)))
say(lambda: api.bulk_upload_events_with_http_info([batch('two', 7), batch('three', 8)]))
bad = batch('bad', 9)
bad.user_attributes = {'n': float('nan')}  # which the SDK writes as NaN
say(lambda: api.upload_events_with_http_info(bad))
