// SPDX-License-Identifier: Apache-2.0
#include "endpoint/linkwork.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/log.h"

#define QUIET_MS 1000 /* after the last new pod */
#define PAUSE_MS 100 /* between two promotions */

struct queue {
	uint32_t *items;
	size_t count;
	size_t room;
};

struct linkwork {
	struct datapath *dp;
	struct net *net;
	pthread_t thread;
	bool running;
	pthread_mutex_t lock;
	pthread_cond_t more;
	pthread_cond_t promoted; /* @busy has changed */
	/* Under the lock: */
	bool stop;
	struct queue dead;
	struct queue young;
	struct timespec quiet; /* no promotion before */
	uint32_t busy; /* being promoted, 0: none */
};

static int push(struct queue *queue, uint32_t ifindex)
{
	uint32_t *items;

	if (queue->count == queue->room) {
		queue->room = queue->room ? queue->room * 2 : 16;
		items = realloc(queue->items, queue->room * sizeof(*items));
		if (!items)
			return -ENOMEM;
		queue->items = items;
	}
	queue->items[queue->count++] = ifindex;
	return 0;
}

static struct timespec after_ms(int ms)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_nsec += ms % 1000 * 1000000L;
	ts.tv_sec += ms / 1000 + ts.tv_nsec / 1000000000L;
	ts.tv_nsec %= 1000000000L;
	return ts;
}

static bool is_due(const struct timespec *when)
{
	struct timespec now = after_ms(0);

	return now.tv_sec != when->tv_sec ? now.tv_sec > when->tv_sec : now.tv_nsec >= when->tv_nsec;
}

static void delete_all(struct linkwork *work, struct queue dead)
{
	int r = net_links_delete(work->net, dead.items, dead.count);

	if (r < 0)
		log_warn_errno(r, "deleting the links of %zu pods", dead.count);
	for (size_t i = 0; r >= 0 && i < dead.count; i++)
		datapath_detach(work->dp, dead.items[i]);
	free(dead.items);
}

static void promote(struct linkwork *work, uint32_t ifindex)
{
	int r = datapath_promote_pod(work->dp, ifindex);

	/* Gone meanwhile, or a kernel that knows one kind only: what is attached serves. */
	if (r < 0)
		log_debug("interface %u stays as it is attached: errno %d", ifindex, -r);
}

/* One piece of work; false when the thread shall end. Called and left with the lock held. */
static bool work_once(struct linkwork *work)
{
	struct queue dead = work->dead;
	uint32_t ifindex;

	if (dead.count) {
		work->dead = (struct queue){};
		pthread_mutex_unlock(&work->lock);
		delete_all(work, dead);
	} else if (work->stop) {
		return false;
	} else if (work->young.count && is_due(&work->quiet)) {
		work->busy = ifindex = work->young.items[--work->young.count];
		work->quiet = after_ms(PAUSE_MS);
		pthread_mutex_unlock(&work->lock);
		promote(work, ifindex);
		pthread_mutex_lock(&work->lock);
		work->busy = 0;
		pthread_cond_broadcast(&work->promoted);
		return true;
	} else if (work->young.count) {
		pthread_cond_timedwait(&work->more, &work->lock, &work->quiet);
		return true;
	} else {
		pthread_cond_wait(&work->more, &work->lock);
		return true;
	}
	pthread_mutex_lock(&work->lock);
	return true;
}

static void *run(void *arg)
{
	struct linkwork *work = arg;

	pthread_mutex_lock(&work->lock);
	while (work_once(work))
		;
	pthread_mutex_unlock(&work->lock);
	return NULL;
}

/* Signals belong to the event loop's thread. */
static int start_thread(struct linkwork *work)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&work->thread, NULL, run, work);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	work->running = !r;
	return -r;
}

int linkwork_new(struct linkwork **ret, struct datapath *dp)
{
	cleanup(linkwork_freep) struct linkwork *work = calloc(1, sizeof(*work));
	pthread_condattr_t attr;
	int r;

	if (!work)
		return -ENOMEM;
	pthread_mutex_init(&work->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&work->more, &attr);
	pthread_condattr_destroy(&attr);
	pthread_cond_init(&work->promoted, NULL);
	work->dp = dp;
	r = net_new(&work->net);
	r = r ?: start_thread(work);
	if (r < 0)
		return r;
	*ret = take_ptr(&work);
	return 0;
}

void linkwork_free(struct linkwork *work)
{
	if (!work)
		return;
	if (work->running) {
		pthread_mutex_lock(&work->lock);
		work->stop = true;
		pthread_cond_signal(&work->more);
		pthread_mutex_unlock(&work->lock);
		pthread_join(work->thread, NULL);
	}
	net_free(work->net);
	pthread_cond_destroy(&work->promoted);
	pthread_cond_destroy(&work->more);
	pthread_mutex_destroy(&work->lock);
	free(work->dead.items);
	free(work->young.items);
	free(work);
}

void linkwork_freep(struct linkwork **work)
{
	linkwork_free(*work);
}

int linkwork_delete(struct linkwork *work, uint32_t ifindex)
{
	int r;

	pthread_mutex_lock(&work->lock);
	r = push(&work->dead, ifindex);
	pthread_cond_signal(&work->more);
	pthread_mutex_unlock(&work->lock);
	return r;
}

int linkwork_promote(struct linkwork *work, uint32_t ifindex)
{
	int r;

	pthread_mutex_lock(&work->lock);
	r = push(&work->young, ifindex);
	work->quiet = after_ms(QUIET_MS);
	pthread_cond_signal(&work->more);
	pthread_mutex_unlock(&work->lock);
	return r;
}

int linkwork_repair(struct linkwork *work, uint32_t ifindex)
{
	int r;

	pthread_mutex_lock(&work->lock);
	r = push(&work->young, ifindex);
	/* The last one is taken first. */
	work->quiet = after_ms(0);
	pthread_cond_signal(&work->more);
	pthread_mutex_unlock(&work->lock);
	return r;
}

void linkwork_forget(struct linkwork *work, uint32_t ifindex)
{
	size_t kept = 0;

	pthread_mutex_lock(&work->lock);
	for (size_t i = 0; i < work->young.count; i++)
		if (work->young.items[i] != ifindex)
			work->young.items[kept++] = work->young.items[i];
	work->young.count = kept;
	while (work->busy == ifindex)
		pthread_cond_wait(&work->promoted, &work->lock);
	pthread_mutex_unlock(&work->lock);
}
