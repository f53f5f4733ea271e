/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A user of MMU notifiers, such as KVM: it looks up a page of VMA 0, and maps it
 * for its guest unless a section was open meanwhile. virt/kvm/kvm_main.c.
 */
#ifdef WITH_secondary_mmu
proctype secondary_mmu()
{
	byte i, seq, entry;

	select_page(i);
	do
	:: atomic {
		spte[i] ->
		printf("a guest writes page %d: frame %d\n", i, frame(spte[i]));
		assert(!unmapped_for_good(SUBJECT));
		store(frame(spte[i]), i, 7);
		break
	   }
	:: atomic {
		!spte[i] ->
		seq = invalidate_seq;
		entry = NOTHING;
		if
		:: is_table(pmd[SUBJECT]) -> entry = PTE(table(pmd[SUBJECT]), i)
		:: is_present(pmd[SUBJECT]) -> entry = pmd[SUBJECT] + i
		:: else
		fi;
		if
		:: is_present(entry) && (entry & WRITE) ->
			printf("linux hva_to_pfn(): page %d is frame %d\n", i, frame(entry))
		:: else -> break
		fi
	   }
	   d_step {
		true ->
		if
		:: !invalidations && seq == invalidate_seq ->
			printf("linux mmu_invalidate_retry(): no, the guest has frame %d\n", frame(entry));
			spte[i] = entry
		:: else ->
			printf("linux mmu_invalidate_retry(): yes\n")
		fi
	   }
	od
}
#endif
