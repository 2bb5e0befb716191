// SPDX-License-Identifier: Apache-2.0
#include "image_fixture.h"

#include <check.h>

#include "image_ask.h"
#include "objects_make.h"

void fixture_put(struct fixture *f, struct object *obj)
{
	ck_assert_int_eq(store_put(f->store, obj), 0);
}

void fixture_init(struct fixture *f)
{
	*f = (struct fixture){ .host = make_addr("192.0.2.1") };
	ck_assert_int_eq(store_new(&f->store), 0);
	f->endpoints[0] = (struct image_endpoint){
		IF_DB, "shop", "db", { make_addr("10.0.0.2") }
	};
	f->endpoints[1] = (struct image_endpoint){
		IF_WEB, "shop", "web", { make_addr("10.0.0.1"), make_addr("fd00::1") }
	};
	fixture_put(f, make_namespace("shop", "team=red"));
	fixture_put(f, make_namespace("ops", "team=blue"));
	fixture_put(f, make_pod("shop", "web", "n1", "app=web", "10.0.0.1 fd00::1",
			 "http/tcp=8080"));
	fixture_put(f, make_pod("shop", "db", "n1", "app=db", "10.0.0.2", "sql/tcp=5432"));
	fixture_put(f, make_pod("ops", "probe", "n2", "app=probe", "10.1.0.1", "http/tcp=9090"));
	fixture_put(f, make_node("n1", "192.0.2.1"));
	fixture_put(f, make_node("n2", "192.0.2.2"));
	f->input = (struct image_input){ f->store, "n1", f->endpoints, 2, &f->host, 1 };
}

void fixture_done(struct fixture *f)
{
	image_free(f->image);
	store_free(f->store);
}

void fixture_compile(struct fixture *f)
{
	struct image *image;

	ck_assert_int_eq(image_compile(&image, &f->input, f->image), 0);
	image_free(f->image);
	f->image = image;
}

uint32_t fixture_ruleset(const struct fixture *f, uint32_t ifindex, enum policy_dir dir)
{
	return ask_binding(f->image, ifindex)->ruleset[dir];
}

const struct image_ruleset *fixture_ingress(const struct fixture *f, uint32_t ifindex)
{
	return ask_ruleset(f->image, fixture_ruleset(f, ifindex, POLICY_INGRESS));
}

bool fixture_allows(const struct fixture *f, enum policy_dir dir, uint32_t ifindex,
		   const char *other, uint8_t proto, uint16_t port)
{
	struct naive_packet packet = { .proto = proto, .port = port };

	*(dir == POLICY_INGRESS ? &packet.src : &packet.dst) = make_addr(other);
	return ask_allows(f->image, dir, ifindex, &packet);
}
