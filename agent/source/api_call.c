// SPDX-License-Identifier: Apache-2.0
#include "source/api_call.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"

#define CONNECT_MS 10000L
#define KEEPALIVE_S 30L

/* Bytes of any answer; it lives as long as they come. */
static size_t on_bytes(char *bytes, size_t size, size_t count, void *arg)
{
	struct api_call *call = arg;
	size_t length = size * count, room;
	long status = 0;
	int r;

	evtimer_add(call->watchdog, &call->stall);
	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200 || status == 201) {
		r = call->handler.data(call->handler.arg, bytes, length);
		call->has_enough = r == -ECANCELED;
		return r ? 0 : length;
	}
	room = API_SAID_MAX - call->said_length;
	if (room > length)
		room = length;
	memcpy(call->said + call->said_length, bytes, room);
	call->said_length += room;
	return length;
}

static int add_header(struct api_call *call, const char *text)
{
	struct curl_slist *headers = curl_slist_append(call->headers, text);

	if (!headers)
		return -ENOMEM;
	call->headers = headers;
	return 0;
}

static int set_token(struct api_call *call, const struct api_config *config)
{
	cleanup(freep) char *token = NULL;
	cleanup(freep) char *header = NULL;
	int r = api_config_token(&token, config);

	if (r < 0 || !token)
		return r;
	if (asprintf(&header, "Authorization: Bearer %s", token) < 0) {
		header = NULL;
		return -ENOMEM;
	}
	return add_header(call, header);
}

static void set_pem(CURL *easy, const struct api_pem *pem, CURLoption file, CURLoption blob)
{
	struct curl_blob data = { .data = pem->data, .len = pem->length, .flags = CURL_BLOB_NOCOPY };

	if (pem->data)
		curl_easy_setopt(easy, blob, &data);
	else if (pem->file)
		curl_easy_setopt(easy, file, pem->file);
}

static void set_tls(CURL *easy, const struct api_config *config)
{
	set_pem(easy, &config->ca, CURLOPT_CAINFO, CURLOPT_CAINFO_BLOB);
	set_pem(easy, &config->cert, CURLOPT_SSLCERT, CURLOPT_SSLCERT_BLOB);
	set_pem(easy, &config->key, CURLOPT_SSLKEY, CURLOPT_SSLKEY_BLOB);
	/* The file may be another one by now. */
	curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	if (!config->insecure)
		return;
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
}

/*
 * libcurl takes the name in the certificate from the URL: it becomes the URL's host,
 * and the connection goes to the address all the same.
 */
static int set_url(struct api_call *call, const struct api_config *config, const char *server,
		   const char *path)
{
	cleanup(freep) char *url = NULL;
	cleanup(freep) char *way = NULL;
	const char *host = strstr(server, "://") + 3;
	const char *rest = host + strcspn(host, "/");
	const char *close = *host == '[' ? strchr(host, ']') : NULL;
	const char *port = memchr(close ?: host, ':', (size_t)(rest - (close ?: host)));
	int address = (int)((port ?: rest) - host);

	if (!config->server_name || strncmp(server, "https", 5) != 0) {
		if (asprintf(&url, "%s%s", server, path) < 0)
			return -ENOMEM;
	} else if (asprintf(&url, "https://%s%s%s", config->server_name, port ?: rest, path) < 0 ||
		   asprintf(&way, "::%.*s:", address, host) < 0) {
		return -ENOMEM;
	}
	if (way) {
		call->connect_to = curl_slist_append(NULL, way);
		if (!call->connect_to)
			return -ENOMEM;
		curl_easy_setopt(call->easy, CURLOPT_CONNECT_TO, call->connect_to);
	}
	return curl_easy_setopt(call->easy, CURLOPT_URL, url) == CURLE_OK ? 0 : -ENOMEM;
}

static void set_manners(CURL *easy, const struct api_config *config)
{
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	/* The environment's proxies are for people. */
	curl_easy_setopt(easy, CURLOPT_PROXY, config->proxy ?: "");
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_S);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_S);
	curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "weir-agent/" WEIR_VERSION);
}

int api_call_prepare(struct api_call *call, const struct api_config *config, const char *server,
		     const char *path)
{
	int r;

	call->easy = curl_easy_init();
	if (!call->easy)
		return -ENOMEM;
	set_manners(call->easy, config);
	set_tls(call->easy, config);
	r = set_url(call, config, server, path) ?: add_header(call, "Accept: application/json");
	r = r ?: set_token(call, config);
	if (r < 0)
		return r;
	curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers);
	curl_easy_setopt(call->easy, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(call->easy, CURLOPT_WRITEDATA, call);
	curl_easy_setopt(call->easy, CURLOPT_ERRORBUFFER, call->error);
	curl_easy_setopt(call->easy, CURLOPT_PRIVATE, call);
	return 0;
}

int api_call_enclose(struct api_call *call, const struct api_letter *letter)
{
	cleanup(freep) char *type = NULL;
	int r;

	if (asprintf(&type, "Content-Type: %s", letter->type) < 0) {
		type = NULL;
		return -ENOMEM;
	}
	r = add_header(call, type);
	if (r < 0)
		return r;
	curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers);
	if (curl_easy_setopt(call->easy, CURLOPT_CUSTOMREQUEST, letter->method) != CURLE_OK ||
	    curl_easy_setopt(call->easy, CURLOPT_COPYPOSTFIELDS, letter->body) != CURLE_OK)
		return -ENOMEM;
	return 0;
}

/* A Status object's message, or the first line of whatever it is. */
static void copy_said(char ret[static API_HTTP_ERROR_MAX], const struct api_call *call, long status)
{
	cleanup(json_decrefp) json_t *answer = json_loadb(call->said, call->said_length, 0, NULL);
	const char *message = json_string_value(json_object_get(answer, "message"));
	const char *text = message ?: call->said;
	int length = (int)strcspn(text, "\r\n");

	snprintf(ret, API_HTTP_ERROR_MAX, "HTTP status %ld%s%.*s", status, length ? ": " : "",
		 length < 256 ? length : 256, text);
	utf8_trim(ret);
	utf8_repair(ret);
}

static void copy_reason(char ret[static API_HTTP_ERROR_MAX], const struct api_call *call,
			CURLcode code)
{
	const char *text = call->error[0] ? call->error : curl_easy_strerror(code);
	long number = 0;

	curl_easy_getinfo(call->easy, CURLINFO_OS_ERRNO, &number);
	snprintf(ret, API_HTTP_ERROR_MAX, "%s%s%s", text,
		 code == CURLE_COULDNT_CONNECT && number ? ": " : "",
		 code == CURLE_COULDNT_CONNECT && number ? strerror((int)number) : "");
}

void api_call_answer(struct api_answer *ret, struct api_call *call, CURLcode code)
{
	curl_off_t wait_s = 0;

	*ret = (struct api_answer){ .is_whole = code == CURLE_OK, .is_stalled = call->stalled };
	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &ret->status);
	curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &wait_s);
	ret->wait_ms = wait_s > 0 && wait_s < INT32_MAX ? wait_s * 1000 : 0;
	if (call->stalled)
		snprintf(ret->error, sizeof(ret->error), "nothing was heard for %lld s",
			 (long long)call->stall.tv_sec);
	else if (code != CURLE_OK)
		copy_reason(ret->error, call, code);
	else if (!api_answer_is_good(ret))
		copy_said(ret->error, call, ret->status);
}

void api_call_free(struct api_call *call)
{
	curl_easy_cleanup(call->easy);
	curl_slist_free_all(call->headers);
	curl_slist_free_all(call->connect_to);
	if (call->watchdog)
		event_free(call->watchdog);
	free(call);
}
