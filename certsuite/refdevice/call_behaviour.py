"""How the device behaves in calls: its parts read the fields of a :class:`CallBehaviour`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CallBehaviour:
    """What the device does in calls and their media. The defaults are the compliant phone."""

    # --- calls and media
    answers: bool = True
    echoes_incoming: bool = True
    "Whether what is heard in a call to the device is sent back; else silence is sent."
    echoes_outgoing: bool = True
    sends_rtp: bool = True
    true_key: bool = True
    "Whether SRTP is encrypted with the key of its SDP."
    accepts_plain_rtp: bool = False
    offers_plain_rtp: bool = False
    codecs_besides: tuple[tuple[int, str], ...] = ()
    "Codecs of 8 kHz, with their payload types, that are offered beside those that it has."
    suites_offered: int | None = None
    "How many of its suites it offers, the first ones; ``None`` is all."
    overlooks_keys_of_plain_rtp: bool = False
    "Whether an offer of RTP/AVP with crypto lines is taken as one without."
    keeps_profile: bool = True
    "Whether RTP/SAVPF is answered as such; else by RTP/SAVP."
    follows_candidates: bool = False
    "Whether media goes to the first ICE candidate of an offer."
    keeps_tag: bool = True
    "Whether an answer has the tag of the crypto line that it takes; else it is 1."
    checks_answers: bool = True
    "Whether an answer has to take a crypto line that was offered."
    takes_new_keys: bool = True
    "Whether a new offer's keys are taken; else the first ones are kept."
    counts_roll_overs: bool = True
    keeps_roll_over: bool = True
    "Whether the roll-over counter of what is received goes on over a new offer with the same key."
    takes_replays: bool = False
    waits_for_digits_s: float = 0.0
    "Seconds for which more digits are waited for behind a short number."
    dialled_suffix: str = ""
    "What is added to each number that is dialled."
    moves_calls_at_503: bool = True
    "Whether a request within a call that is answered with 503 is sent to the next target."
    keeps_call_without_flow: bool = True
    "Whether a call goes on when its flow has ended."
    dials_again: bool = True
    "Whether a call that met a target that does not serve is placed at the next."
    waits_for_media: bool = False
    "Whether nothing is sent before something comes."
    sends_from_own_port: bool = True
    "Whether media is sent from the port at which it is received."
    follows_address: bool = True
    "Whether media goes where a new offer says."
    takes_other_sources: bool = True
    "Whether another SSRC than the first is heard."
    waits_for_lost: bool = False
    "Whether its jitter buffer waits for ever for a packet that was lost."
    packet_octets: int = 0
    "Octets of G.711 that a packet must have to be heard; 0 is any."
    report_s: float = 0.34
    "Seconds between two reports of RTCP; 0 is none. Two parties may share what bandwidth they have as they like."
    protects_reports: bool = True
    protects_last_report: bool = True
    "Whether the report that says goodbye is under SRTCP as those before it."
    names_itself: bool = True
    "Whether its reports have an SDES with a CNAME."
    reports_lost: bool = True
    "Whether its reports say what was lost."
    jitter_factor: float = 1.0
    "By which the jitter is too high that its reports say."
    multiplexes: bool = True
    "Whether it does as it says where it agrees to RTCP on the port of RTP."
    heeds_comfort_noise: bool = True
    "Whether a call goes on in which comfort noise comes in place of audio."
    hears_digits: bool = True
    "Whether it tells of the digits that come."
    gain: float = 1.0
    "By which what is heard in G.711 is made louder before it is sent back."
    drops_frames: int = 0
    "Each so many-th frame of G.711 that it heard is sent back as silence; 0 is none."
    codecs: frozenset[str] = frozenset({"PCMU", "PCMA", "G722", "OPUS", "G729"})
    "Codecs that it takes of an offer, in capitals."
    mute_codecs: frozenset[str] = frozenset()
    "Codecs in which it sends silence."
    offers_late: bool = True
    "Whether an INVITE without an offer is answered with one; else it is refused."
    late_offer_plain: bool = False
    "Whether that offer has no SRTP."
    takes_changed_answer: bool = True
    "Whether the answer of a 200 counts after one of a 183."
    goes_on_when_held: bool = False
    "Whether it goes on sending when the far end holds the call."
    takes_old_hold: bool = True
    "Whether an offer with the all-zeros address is taken."
    comes_back_from_hold: bool = True
    "Whether it sends again when the far end has held the call."
    minds_video: bool = False
    "Whether an offer with video is refused as a whole."
    dtmf_clock_hz: int = 0
    "In units of which clock durations of digits are; 0 is the one that was agreed on."
    dtmf_in_band: bool = False
    "Whether digits are sent as tones in the audio rather than by RFC 4733."
    dtmf_by_info: bool = False
    "Whether digits are sent by INFO rather than by RFC 4733."
    dtmf_ended: bool = True
    "Whether the last packets of a digit bear the end bit."
    crosses_ports: bool = False
    "Whether a gateway's ports give back each other's audio, two and two."
    dtmf_marked: bool = True
    "Whether the first packet of a digit bears the marker."
    echoes_early: bool = True
    "Whether what comes before a call is answered is heard; else a ring-back of its own covers it."
    dtmf_shift: int = 0
    "How many digits too high the digit is that is sent."
    hold_reinvites: bool = True
    resume_reinvites: bool = True
    sends_after_resume: bool = True

    # --- how calls end
    cancels: bool = True
    "Whether a call that rings at the far end is taken back there when the user hangs up."
    cancels_its_invite: bool = True
    "Whether a CANCEL is of its INVITE's transaction, by its branch."
    acknowledges_refusals: bool = True
    ack_offset: int = 0
    "By how much the CSeq number of an ACK for a 2xx is off."
    ends_its_dialog: bool = True
    "Whether a BYE is of the call's dialog, by its tags."
    rejects_with: int = 486
    heeds_second_line: bool = True
    "Whether calls can be placed from and taken on another line than the first."
    says_bye_when_answered: bool = True
    "Whether a call that it answered is ended at the far end when the user hangs up."
    takes_bye_in_own_calls: bool = True
    ends_cancelled_invite: bool = True
    "Whether an INVITE that is cancelled gets its final response."
    ends_crossed_call: bool = True
    "Whether a call that was answered as it was given up is ended at the far end."
    heeds_late_cancel: bool = False
    "Whether a CANCEL ends a call that has been answered."
    needs_ack_for_bye: bool = False

    # --- several calls
    waits_calls: bool = True
    "Whether a call rings that comes during another."
    holds_for_another: bool = True
    "Whether the call that is up is held when another is answered."
    dials_beside_held: bool = True
    "Whether a call can be placed while another is held."
    drops_held: bool = False
    "Whether the end of a call ends those that are held as well."

    # --- what comes in calls
    refused_forms: tuple[str, ...] = ()
    "Forms of an INVITE that are refused: of ``objections.FORMS``."
    keeps_display_names: bool = True
    "Whether the caller's name is in the responses as it came."
    dialled_prefix: str = ""
    "What is put before short numbers and feature codes."
    drops_plus: bool = False
    knows_session_timers: bool = True
    names_least_interval: bool = True
    "Whether the 422 to an interval that is too small says which one is not."
    raises_interval: bool = True
    "Whether a call that is refused for its interval is placed again with a larger one."
    goes_on_with_timer: bool = True
    "Whether the session timer goes on when the far end refreshes."
    refreshes_sessions: bool = True
    ends_expired_sessions: bool = True
    keeps_vias: bool = True
    "Whether a response has every Via of its request; else the first."
    rings_reliably_unasked: bool = False
    repeats_reliably: bool = True
    "Whether a reliable response is sent again until its PRACK comes."
    takes_prack: bool = True
    heeds_require: bool = True
    "Whether an extension that is required and not known is refused."
    sends_prack: bool = True
    ends_call_at: int = 0
    "Provisional response that ends a call that it places; 0 is none."
    takes_update: bool = True
    reoffers_taken: int | None = None
    "How many re-INVITEs of a call are taken; ``None`` is all."
    refuses_crossing_offer: bool = True
    survives_malformed: bool = True
    "Whether a request in a call that cannot be read leaves it alone."
    heeds_order: bool = True
    "Whether a request in a call with an old CSeq number is refused."
    answers_unknown: bool = True
    "Whether a request of an unknown method, or an INFO of an unknown package, is answered."

    # --- transfers
    takes_refer: bool = True
    "Whether a REFER within a call is accepted; else it is declined."
    follows_strangers: bool = False
    "Whether a REFER outside of any call is followed."
    calls_refer_target: bool = True
    "Whether a REFER that was accepted leads to a call."
    echoes_referred: bool = True
    "Whether what is heard in a call that a REFER led to is sent back."
    resolves_refer_target: bool = False
    "Whether the host of a transfer's target is looked for in DNS."
    keeps_replaces: bool = True
    "Whether the Replaces that a REFER names is in the INVITE."
    says_who_referred: bool = True
    tells_of_transfers: bool = True
    "Whether NOTIFYs say what becomes of a REFER."
    tells_failed_transfers: bool = True
    "Whether they say so of a target that refuses; else it is told as a success."
    ends_refer_subscription: bool = True
    "Whether the last of them says that it is the last."
    drops_call_of_refused_target: bool = False
    "Whether the call that was to be transferred ends when the target refuses."
    refers_with_credentials: bool = True
    "Whether a REFER of its own that is challenged is sent again."
    ends_transferred_call: bool = True
    ends_call_of_failed_transfer: bool = False
    takes_transfer_news: bool = True
    "Whether a NOTIFY about a transfer of its own is answered with 200; else with 481."
    names_own_call_rightly: bool = True
    "Whether the tags of a call that is to be replaced are those that its far end knows; else they are exchanged."
    heeds_replaces: bool = True
    refuses_unknown_dialogs: bool = True
    "Whether a call that is to replace one that there is not is refused."
    ends_replaced_call: bool = True
    mixes_both_ways: bool = True
    "Whether in a conference both far ends hear each other; else one of them hears itself."
    answers_by_itself: bool = True
    "Whether a call that asks to be answered at once is."
    takes_unsolicited: bool = True
    "Whether a NOTIFY of messages that belongs to no subscription is answered."
    names_call_info: bool = False
    "Whether it says that it can be told of shared lines."
