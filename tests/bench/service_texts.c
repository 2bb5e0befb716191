// SPDX-License-Identifier: Apache-2.0
#include "service_texts.h"

#include <errno.h>
#include <stdio.h>

#include "figure.h"

#define SLICE_ENDPOINTS 100 /* as Kubernetes' controller fills them */
#define NODES 50

static void write_service(FILE *file, uint32_t service)
{
	fprintf(file,
		"{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"namespace\":\"shop\","
		"\"name\":\"s%u\",\"labels\":{\"app\":\"s%u\"}},\"spec\":{\"type\":\"ClusterIP\","
		"\"clusterIP\":\"10.200.%u.%u\",\"clusterIPs\":[\"10.200.%u.%u\"],"
		"\"ipFamilies\":[\"IPv4\"],\"selector\":{\"app\":\"s%u\"},\"ports\":[{\"name\":"
		"\"http\",\"protocol\":\"TCP\",\"port\":80,\"targetPort\":8080}]}}",
		service, service, service >> 8, service & 255, service >> 8, service & 255,
		service);
}

static void write_endpoint(FILE *file, uint32_t id, uint32_t turn)
{
	fprintf(file,
		"{\"addresses\":[\"10.%u.%u.%u\"],\"conditions\":{\"ready\":true,\"serving\":true,"
		"\"terminating\":false},\"nodeName\":\"n%u\",\"targetRef\":{\"kind\":\"Pod\","
		"\"namespace\":\"shop\",\"name\":\"p%u\"}}",
		(id >> 16) % 64 + turn % 2 * 64, id >> 8 & 255, id & 255, id % NODES, id);
}

static void write_slice(FILE *file, const struct service_size *size, uint32_t slice,
			const struct service_change *change)
{
	uint32_t first = slice * SLICE_ENDPOINTS, end = first + SLICE_ENDPOINTS;

	fprintf(file,
		"{\"apiVersion\":\"discovery.k8s.io/v1\",\"kind\":\"EndpointSlice\",\"metadata\":{"
		"\"namespace\":\"shop\",\"name\":\"s%u-%u\",\"labels\":{"
		"\"kubernetes.io/service-name\":\"s%u\"}},\"addressType\":\"IPv4\",\"ports\":[{"
		"\"name\":\"http\",\"protocol\":\"TCP\",\"port\":8080}],\"endpoints\":[",
		change->service, slice, change->service);
	for (uint32_t i = first; i < end && i < size->endpoints; i++) {
		fputs(i == first ? "" : ",", file);
		write_endpoint(file, change->service * size->endpoints + i,
			       i == change->endpoint ? change->turn : 0);
	}
	fputs("]}", file);
}

static FILE *text_begin(char **text, size_t *length)
{
	FILE *file = open_memstream(text, length);

	if (!file)
		die("open_memstream", errno);
	return file;
}

static void text_end(FILE *file)
{
	if (fclose(file))
		die("open_memstream", errno);
}

char *text_of_services(const struct service_size *size, uint32_t first, uint32_t count)
{
	size_t length;
	char *text;
	FILE *file = text_begin(&text, &length);

	fputs("{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[", file);
	for (uint32_t i = first; i < first + count; i++) {
		fputs(i == first ? "" : ",\n", file);
		write_service(file, i);
		for (uint32_t slice = 0; slice * SLICE_ENDPOINTS < size->endpoints; slice++) {
			fputs(",\n", file);
			write_slice(file, size, slice, &(struct service_change){ .service = i });
		}
	}
	fputs("]}\n", file);
	text_end(file);
	return text;
}

char *text_of_change(const struct service_size *size, const struct service_change *change)
{
	size_t length;
	char *text;
	FILE *file = text_begin(&text, &length);

	write_slice(file, size, change->endpoint / SLICE_ENDPOINTS, change);
	text_end(file);
	return text;
}
