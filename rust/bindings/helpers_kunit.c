// SPDX-License-Identifier: GPL-2.0
/* What the KUnit suites of rust/pgtable/ and rust/hugetlb/ act on. */

#include <kunit/test.h>
#include <kunit/test-bug.h>
#include <linux/leafops.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/mmu_notifier.h>
#include <linux/mmzone.h>
#include <linux/pagemap.h>
#include <linux/pgtable.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/rmap.h>
#include <linux/sched/mm.h>
#include <linux/shmem_fs.h>
#include <linux/swapops.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "functions.h"

/* Far enough from mmap_min_addr, whatever the size of a page. */
#define SCRATCH_START	(16 * PMD_SIZE)

/*
 * Maps anonymous memory, @at bytes behind a PMD-aligned address of the test's own
 * mm, which goes away with the test. 0 without memory.
 */
unsigned long shmem_collapse_scratch_map(unsigned long at, unsigned long len,
					 bool shared)
{
	unsigned long addr = SCRATCH_START + at;
	struct kunit *test = kunit_get_current_test();

	if (!test)
		return 0;
	addr = kunit_vm_mmap(test, NULL, addr, len,
			     PROT_READ | PROT_WRITE,
			     (shared ? MAP_SHARED : MAP_PRIVATE) |
			     MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, 0);
	return IS_ERR_VALUE(addr) ? 0 : addr;
}

/* The same at that address for a private mapping of a shmem file. */
unsigned long shmem_collapse_scratch_map_private(unsigned long len)
{
	struct kunit *test = kunit_get_current_test();
	unsigned long addr = SCRATCH_START;
	struct file *file;

	if (!test)
		return 0;
	file = shmem_file_setup("shmem_collapse", len, EMPTY_VMA_FLAGS);
	if (IS_ERR(file))
		return 0;
	addr = kunit_vm_mmap(test, file, addr, len, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_FIXED_NOREPLACE, 0);
	fput(file);
	return IS_ERR_VALUE(addr) ? 0 : addr;
}

bool shmem_collapse_scratch_write(unsigned long addr)
{
	return !put_user((char)1, (char __user *)addr);
}

bool shmem_collapse_scratch_read(unsigned long addr)
{
	char byte;

	return !get_user(byte, (char __user *)addr);
}

/* Puts one huge page in the place of the small ones. */
int shmem_collapse_scratch_collapse(unsigned long addr)
{
	if (!current->mm)
		return -EINVAL;
	return do_madvise(current->mm, addr, PMD_SIZE, MADV_COLLAPSE);
}

/* An empty shmem file of two extents; the caller owns the reference. */
struct file *shmem_collapse_scratch_file(void)
{
	struct file *file = shmem_file_setup("shmem_collapse", 2 * PMD_SIZE,
					     EMPTY_VMA_FLAGS);

	return IS_ERR(file) ? NULL : file;
}

/* Settles what a cleared entry owed its page, under the PTE lock. */
void shmem_collapse_scratch_forget(struct vm_area_struct *vma, unsigned long pfn)
{
	struct page *page = pfn_to_page(pfn);

	folio_mark_dirty(page_folio(page));
	folio_remove_rmap_pte(page_folio(page), page, vma);
	folio_put(page_folio(page));
}

/*
 * A secondary MMU that notes what it is told about one page, three letters each
 * time: what (start, flush, end), m while the page is mapped, l while the lock
 * of its entry is held. One test runs at a time.
 */
static struct {
	/* Two: the kernel takes nobody for both kinds of calls. */
	struct mmu_notifier sections, flushes;
	unsigned long addr;
	char log[64];
} watch;

/* Nobody else takes locks of the test's own mm. */
static bool is_taken(spinlock_t *lock)
{
	if (!spin_trylock(lock))
		return true;
	spin_unlock(lock);
	return false;
}

static void watch_note(struct mm_struct *mm, char what)
{
	pmd_t *pmd = pmd_off(mm, watch.addr);
	pte_t *pte = pte_offset_map(pmd, watch.addr);
	bool mapped = false, locked = is_taken(pmd_lockptr(mm, pmd));
	size_t len = strlen(watch.log);

	if (pte) {
		mapped = pte_present(ptep_get(pte));
		locked = is_taken(pte_lockptr(mm, pmd));
		pte_unmap(pte);
	}
	snprintf(watch.log + len, sizeof(watch.log) - len, "%s%c%c%c",
		 len ? " " : "", what, mapped ? 'm' : '-', locked ? 'l' : '-');
}

static bool watch_is_concerned(unsigned long start, unsigned long end)
{
	return start <= watch.addr && end > watch.addr;
}

static int watch_start(struct mmu_notifier *subscription,
		       const struct mmu_notifier_range *range)
{
	if (watch_is_concerned(range->start, range->end))
		watch_note(range->mm, 's');
	return 0;
}

static void watch_end(struct mmu_notifier *subscription,
		      const struct mmu_notifier_range *range)
{
	if (watch_is_concerned(range->start, range->end))
		watch_note(range->mm, 'e');
}

static void watch_flush(struct mmu_notifier *subscription, struct mm_struct *mm,
			unsigned long start, unsigned long end)
{
	if (watch_is_concerned(start, end))
		watch_note(mm, 'f');
}

static const struct mmu_notifier_ops watch_sections = {
	.invalidate_range_start = watch_start,
	.invalidate_range_end = watch_end,
};

static const struct mmu_notifier_ops watch_flushes = {
	.arch_invalidate_secondary_tlbs = watch_flush,
};

int shmem_collapse_watch_begin(unsigned long addr)
{
	int err;

	if (!current->mm)
		return -EINVAL;
	watch.addr = addr;
	watch.log[0] = '\0';
	watch.sections.ops = &watch_sections;
	watch.flushes.ops = &watch_flushes;
	err = mmu_notifier_register(&watch.sections, current->mm);
	if (err)
		return err;
	err = mmu_notifier_register(&watch.flushes, current->mm);
	if (err)
		mmu_notifier_unregister(&watch.sections, current->mm);
	return err;
}

void shmem_collapse_watch_forget(void)
{
	watch.log[0] = '\0';
}

const char *shmem_collapse_watch_log(void)
{
	return watch.log;
}

void shmem_collapse_watch_print(void)
{
	kunit_info(kunit_get_current_test(), "the secondary MMU was told: %s",
		   watch.log);
}

void shmem_collapse_watch_end(void)
{
	mmu_notifier_unregister(&watch.flushes, current->mm);
	mmu_notifier_unregister(&watch.sections, current->mm);
}

/* False without a zone above; the file is left as it is then. */
bool shmem_collapse_scratch_forbid_high_memory(unsigned long addr, bool forbid)
{
	struct vm_area_struct *vma;
	bool done = false;

	if (!IS_ENABLED(CONFIG_ZONE_DMA32) || !current->mm ||
	    !managed_zone(&NODE_DATA(first_memory_node)->node_zones[ZONE_NORMAL]))
		return false;
	mmap_read_lock(current->mm);
	vma = vma_lookup(current->mm, addr);
	if (vma && vma->vm_file) {
		mapping_set_gfp_mask(vma->vm_file->f_mapping,
				     forbid ? GFP_USER | __GFP_DMA32 :
					      GFP_HIGHUSER_MOVABLE);
		done = true;
	}
	mmap_read_unlock(current->mm);
	return done;
}

/* The test's own mm, referenced; NULL if it has none. */
struct mm_struct *shmem_collapse_scratch_mm(void)
{
	if (current->mm)
		mmget(current->mm);
	return current->mm;
}

/* RCU read sections that the task is in; see shmem_collapse_rcu_is_counted(). */
int shmem_collapse_rcu_depth(void)
{
	return rcu_preempt_depth() + preempt_count();
}

bool shmem_collapse_rcu_is_counted(void)
{
	return IS_ENABLED(CONFIG_PREEMPT_RCU) || IS_ENABLED(CONFIG_PREEMPT_COUNT);
}

unsigned long shmem_collapse_vmalloc_frame(const void *addr)
{
	return page_to_pfn(vmalloc_to_page(addr));
}

bool shmem_collapse_is_vmalloc_or_module(const void *addr)
{
	return is_vmalloc_or_module_addr(addr);
}

unsigned long shmem_collapse_linear_frame(const void *addr)
{
	return page_to_pfn(virt_to_page(addr));
}

/* A frame that is as good as any for an entry that nobody follows. */
unsigned long shmem_collapse_sample_frame(void)
{
	return page_to_pfn(ZERO_PAGE(0)) & ~(HPAGE_PMD_NR - 1);
}

/* One pte of each kind; the order is that of the tests. */
pte_t shmem_collapse_sample_pte(unsigned int which)
{
	unsigned long pfn = shmem_collapse_sample_frame();
	pte_t page = pfn_pte(pfn, vm_get_page_prot(VM_READ));

	switch (which) {
	case 1:
		return pte_mkclean(pte_mkold(page));
	case 2:
		page = pfn_pte(pfn, vm_get_page_prot(VM_READ | VM_WRITE | VM_SHARED));
		return pte_mkdirty(pte_mkyoung(pte_mkwrite_novma(page)));
	case 3:
		return pte_mkspecial(page);
	case 4:
		return softleaf_to_pte(make_readable_migration_entry(pfn));
	case 5:
		return softleaf_to_pte(swp_entry(0, 1));
	case 6:
		return make_pte_marker(PTE_MARKER_POISONED);
	case 7:
		return softleaf_to_pte(make_readable_device_private_entry(pfn));
	default:
		return __pte(0);
	}
}

/* One pmd of each kind, false if the architecture has none such. */
bool shmem_collapse_sample_pmd(unsigned int which, pmd_t *pmd)
{
	unsigned long pfn = shmem_collapse_sample_frame();
	pmd_t huge = pmd_mkhuge(pfn_pmd(pfn, vm_get_page_prot(VM_READ)));

	switch (which) {
	case 0:
		*pmd = __pmd(0);
		return true;
	case 1:
		*pmd = huge;
		return true;
	case 2:
		*pmd = softleaf_to_pmd(make_readable_migration_entry(pfn));
		return thp_migration_supported();
	case 3:
		*pmd = pmd_mkspecial(huge);
		return IS_ENABLED(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP);
#ifdef CONFIG_X86
	case 4:
		/* Neither writable nor a leaf: no table has such an entry. */
		*pmd = __pmd(_PAGE_PRESENT);
		return true;
#endif
	default:
		return false;
	}
}
