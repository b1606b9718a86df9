// Just enough of ISO 14496-12 to know when the frames of a fragment are shown: moof/traf/tfdt and trun.

export interface FragmentTimes {
  /** Presentation time of each frame in timescale ticks, in the order they are stored. */
  shown: number[];
}

function* boxes(view: DataView, from: number, to: number): Generator<{ type: number; start: number; end: number }> {
  let at = from;
  while (at + 8 <= to) {
    let size = view.getUint32(at);
    let header = 8;
    if (size === 1) {
      if (at + 16 > to) return;
      size = Number(view.getBigUint64(at + 8));
      header = 16;
    }
    if (size < header || at + size > to) return;
    yield { type: view.getUint32(at + 4), start: at + header, end: at + size };
    at += size;
  }
}

const MOOF = 0x6d6f6f66;
const TRAF = 0x74726166;
const TFHD = 0x74666864;
const TFDT = 0x74666474;
const TRUN = 0x7472756e;

/** Frame times of one or more moof+mdat. Anything malformed ends the walk; what was found until there is returned. */
export function fragmentTimes(data: Uint8Array): FragmentTimes {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const shown: number[] = [];
  try {
    for (const moof of boxes(view, 0, view.byteLength)) {
      if (moof.type !== MOOF) continue;
      for (const traf of boxes(view, moof.start, moof.end)) {
        if (traf.type !== TRAF) continue;
        let time = 0;
        let usual = 0;
        for (const box of boxes(view, traf.start, traf.end)) {
          const flags = view.getUint32(box.start) & 0xffffff;
          if (box.type === TFHD) usual = defaultDuration(view, box.start, flags);
          if (box.type === TFDT)
            time = view.getUint8(box.start) === 1 ? Number(view.getBigUint64(box.start + 4)) : view.getUint32(box.start + 4);
          if (box.type === TRUN) time = readRun(view, box.start, box.end, flags, time, usual, shown);
        }
      }
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // a box that ends too early
  }
  return { shown };
}

function defaultDuration(view: DataView, start: number, flags: number): number {
  let at = start + 8;
  if (flags & 0x1) at += 8;
  if (flags & 0x2) at += 4;
  return flags & 0x8 ? view.getUint32(at) : 0;
}

function readRun(
  view: DataView,
  start: number,
  end: number,
  flags: number,
  from: number,
  usual: number,
  shown: number[],
): number {
  const signed = view.getUint8(start) === 1;
  const count = view.getUint32(start + 4);
  let at = start + 8;
  if (flags & 0x1) at += 4;
  if (flags & 0x4) at += 4;
  let time = from;
  for (let frame = 0; frame < count && at <= end; frame += 1) {
    let duration = usual;
    let offset = 0;
    if (flags & 0x100) {
      duration = view.getUint32(at);
      at += 4;
    }
    if (flags & 0x200) at += 4;
    if (flags & 0x400) at += 4;
    if (flags & 0x800) {
      offset = signed ? view.getInt32(at) : view.getUint32(at);
      at += 4;
    }
    shown.push(time + offset);
    time += duration;
  }
  return time;
}
