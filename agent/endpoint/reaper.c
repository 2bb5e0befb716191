// SPDX-License-Identifier: Apache-2.0
#include "endpoint/reaper.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/log.h"

struct reaper {
	struct datapath *dp;
	struct net *net;
	pthread_t thread;
	bool running;
	pthread_mutex_t lock;
	pthread_cond_t more;
	bool stop; /* under lock, as are the next three */
	uint32_t *queue;
	size_t count;
	size_t room;
};

/* The queue as a whole, or nothing when the thread shall end. */
static uint32_t *take_queue(struct reaper *reaper, size_t *count)
{
	uint32_t *queue;

	pthread_mutex_lock(&reaper->lock);
	while (!reaper->count && !reaper->stop)
		pthread_cond_wait(&reaper->more, &reaper->lock);
	queue = take_ptr(&reaper->queue);
	*count = reaper->count;
	reaper->count = reaper->room = 0;
	pthread_mutex_unlock(&reaper->lock);
	return queue;
}

static void *run(void *arg)
{
	struct reaper *reaper = arg;
	uint32_t *queue;
	size_t count;
	int r;

	while ((queue = take_queue(reaper, &count))) {
		r = net_links_delete(reaper->net, queue, count);
		if (r < 0)
			log_warn_errno(r, "deleting the links of %zu pods", count);
		for (size_t i = 0; r >= 0 && i < count; i++)
			datapath_detach(reaper->dp, queue[i]);
		free(queue);
	}
	return NULL;
}

/* Signals belong to the event loop's thread. */
static int start_thread(struct reaper *reaper)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&reaper->thread, NULL, run, reaper);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	reaper->running = !r;
	return -r;
}

int reaper_new(struct reaper **ret, struct datapath *dp)
{
	cleanup(reaper_freep) struct reaper *reaper = calloc(1, sizeof(*reaper));
	int r;

	if (!reaper)
		return -ENOMEM;
	pthread_mutex_init(&reaper->lock, NULL);
	pthread_cond_init(&reaper->more, NULL);
	reaper->dp = dp;
	r = net_new(&reaper->net);
	r = r ?: start_thread(reaper);
	if (r < 0)
		return r;
	*ret = take_ptr(&reaper);
	return 0;
}

void reaper_free(struct reaper *reaper)
{
	if (!reaper)
		return;
	if (reaper->running) {
		pthread_mutex_lock(&reaper->lock);
		reaper->stop = true;
		pthread_cond_signal(&reaper->more);
		pthread_mutex_unlock(&reaper->lock);
		pthread_join(reaper->thread, NULL);
	}
	net_free(reaper->net);
	pthread_cond_destroy(&reaper->more);
	pthread_mutex_destroy(&reaper->lock);
	free(reaper->queue);
	free(reaper);
}

void reaper_freep(struct reaper **reaper)
{
	reaper_free(*reaper);
}

int reaper_add(struct reaper *reaper, uint32_t ifindex)
{
	uint32_t *queue;
	int r = 0;

	pthread_mutex_lock(&reaper->lock);
	if (reaper->count == reaper->room) {
		size_t room = reaper->room ? reaper->room * 2 : 16;

		queue = realloc(reaper->queue, room * sizeof(*queue));
		if (queue) {
			reaper->queue = queue;
			reaper->room = room;
		} else {
			r = -ENOMEM;
		}
	}
	if (!r)
		reaper->queue[reaper->count++] = ifindex;
	pthread_cond_signal(&reaper->more);
	pthread_mutex_unlock(&reaper->lock);
	return r;
}
