"""Make `wcsim.root` and `photonsim.root`, small files in the layouts of WCSim and PhotonSim, with ROOT itself.

    pip install --pre root && python tools/make_root_examples.py tests/data

The classes below have the names, versions and data members of the WCSim event and geometry classes, so ROOT writes the
same streamers and the same nesting (a list of triggers, each with arrays of hits and tracks) that WCSim writes. The
numbers are made up here: 12 tubes in a ring, two events, the second with a second trigger; lengths in cm. The tree of
PhotonSim has a branch of vectors for each number of a photon, lengths in mm; two events of 20 and 30 photons.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import ROOT

CLASSES = """
#include "TObject.h"
#include "TObjArray.h"
#include "TClonesArray.h"
#include "TTree.h"
#include "TFile.h"
#include <vector>
enum TriggerType_t { kTriggerUndefined = -1, kTriggerNDigits = 0 };

class WCSimRootTrack : public TObject {
public:
  Int_t fIpnu = 0; Int_t fFlag = 0; Float_t fM = 0, fP = 0, fE = 0; Int_t fStartvol = 0, fStopvol = 0;
  Float_t fDir[3] = {0}, fPdir[3] = {0}, fStop[3] = {0}, fStart[3] = {0};
  Int_t fParenttype = 0; Float_t fTime = 0; Int_t fId = 0;
  ClassDef(WCSimRootTrack, 1)
};
class WCSimRootCherenkovHit : public TObject {
public:
  Int_t fTubeID = 0, fmPMTID = 0, fmPMT_PMTID = 0; Int_t fTotalPe[2] = {0};
  ClassDef(WCSimRootCherenkovHit, 2)
};
class WCSimRootCherenkovHitTime : public TObject {
public:
  Float_t fTruetime = 0; Int_t fPrimaryParentID = 0;
  ClassDef(WCSimRootCherenkovHitTime, 1)
};
class WCSimRootCherenkovDigiHit : public TObject {
public:
  Float_t fQ = 0, fT = 0; Int_t fTubeId = 0, fmPMTId = 0, fmPMT_PMTId = 0; std::vector<int> fPhotonIds;
  ClassDef(WCSimRootCherenkovDigiHit, 3)
};
class WCSimRootEventHeader {
public:
  Int_t fEvtNum = 0, fRun = 0, fDate = 0, fSubEvtNumber = 1;
  virtual ~WCSimRootEventHeader() {}
  ClassDef(WCSimRootEventHeader, 2)
};
class WCSimRootPi0 : public TObject {
public:
  Float_t fPi0Vtx[3] = {0}; Int_t fGammaID[2] = {0}; Float_t fGammaE[2] = {0}; Float_t fGammaVtx[2][3] = {{0}};
  ClassDef(WCSimRootPi0, 1)
};
class WCSimRootTrigger : public TObject {
public:
  WCSimRootEventHeader fEvtHdr;
  Int_t fMode = 0, fVtxvol = 0; Float_t fVtx[3] = {0}; Int_t fVecRecNumber = 0, fJmu = 0, fJp = 0;
  WCSimRootPi0 fPi0;
  TClonesArray* fCaptures; Int_t fNcaptures = 0;
  Int_t fNpar = 0, fNtrack = 0;
  TClonesArray* fTracks;  //->
  Int_t fNumTubesHit = 0, fNcherenkovhits = 0;
  TClonesArray* fCherenkovHits;  //->
  Int_t fCherenkovHitCounter = 0, fNcherenkovhittimes = 0;
  TClonesArray* fCherenkovHitTimes;  //->
  Int_t fNumDigitizedTubes = 0, fNcherenkovdigihits = 0; Float_t fSumQ = 0;
  TClonesArray* fCherenkovDigiHits;  //->
  TriggerType_t fTriggerType = kTriggerNDigits; std::vector<Float_t> fTriggerInfo;
  bool IsZombie = false;
  WCSimRootTrigger() {
    fCaptures = new TClonesArray("WCSimRootTrack", 1);
    fTracks = new TClonesArray("WCSimRootTrack", 10);
    fCherenkovHits = new TClonesArray("WCSimRootCherenkovHit", 10);
    fCherenkovHitTimes = new TClonesArray("WCSimRootCherenkovHitTime", 10);
    fCherenkovDigiHits = new TClonesArray("WCSimRootCherenkovDigiHit", 10);
  }
  WCSimRootTrack* track() { return new ((*fTracks)[fNtrack++]) WCSimRootTrack(); }
  WCSimRootCherenkovDigiHit* digit() { return new ((*fCherenkovDigiHits)[fNcherenkovdigihits++]) WCSimRootCherenkovDigiHit(); }
  ClassDef(WCSimRootTrigger, 2)
};
class WCSimRootEvent : public TObject {
public:
  TObjArray* fEventList; Int_t Current = 0;  //!
  WCSimRootEvent() { fEventList = new TObjArray(10, 0); }
  WCSimRootTrigger* add() { auto* t = new WCSimRootTrigger(); fEventList->Add(t); return t; }
  ClassDef(WCSimRootEvent, 1)
};
class WCSimRootPMT : public TObject {
public:
  Int_t fTubeNo = 0, fmPMTNo = 0, fmPMT_PMTNo = 0, fCylLoc = 0; Float_t fOrientation[3] = {0}, fPosition[3] = {0};
  ClassDef(WCSimRootPMT, 2)
};
class WCSimRootGeom : public TObject {
public:
  Float_t fWCCylRadius = 0, fWCCylLength = 0; Int_t fgeo_type = 1; Float_t fWCPMTRadius = 0, fWCPMTRadius2 = 0;
  Int_t fWCNumPMT = 0, fWCNumPMT2 = 0; Float_t fWCOffset[3] = {0}; Int_t fOrientation = 0;
  TClonesArray *fPMTArray, *fPMTArray2;
  WCSimRootGeom() { fPMTArray = new TClonesArray("WCSimRootPMT", 10); fPMTArray2 = new TClonesArray("WCSimRootPMT", 1); }
  WCSimRootPMT* tube() { return new ((*fPMTArray)[fWCNumPMT++]) WCSimRootPMT(); }
  ClassDef(WCSimRootGeom, 1)
};
"""

TUBES, RADIUS, LENGTH = 12, 200.0, 400.0


def fill(values, numbers) -> None:
    for index, number in enumerate(numbers):
        values[index] = float(number)


def write_geometry(file) -> None:
    """Tubes on the barrel about the axis z, numbered from 1."""
    geometry = ROOT.WCSimRootGeom()
    geometry.fWCCylRadius, geometry.fWCCylLength, geometry.fWCPMTRadius = RADIUS, LENGTH, 10.0
    for tube in range(TUBES):
        azimuth = 2.0 * np.pi * tube / TUBES
        made = geometry.tube()
        made.fTubeNo, made.fCylLoc = tube + 1, 1
        fill(made.fPosition, (RADIUS * np.cos(azimuth), RADIUS * np.sin(azimuth), 20.0 * (tube % 3 - 1)))
        fill(made.fOrientation, (-np.cos(azimuth), -np.sin(azimuth), 0.0))
    tree = ROOT.TTree("wcsimGeoT", "Geometry TTree")
    tree.Branch("wcsimrootgeom", "WCSimRootGeom", geometry, 64000, 0)
    tree.Fill()
    tree.Write()


def add_trigger(event, number: int, sub: int, digits) -> None:
    trigger = event.add()
    trigger.fEvtHdr.fEvtNum, trigger.fEvtHdr.fSubEvtNumber = number, sub
    fill(trigger.fVtx, (10.0, -20.0, 30.0))
    trigger.fTriggerInfo.push_back(float(len(digits)))
    for tube, charge, time in digits:
        made = trigger.digit()
        made.fTubeId, made.fQ, made.fT = tube, charge, time
        made.fPhotonIds.push_back(7)
    trigger.fNumDigitizedTubes, trigger.fSumQ = len(digits), sum(digit[1] for digit in digits)
    if sub == 0:
        # as WCSim writes them: the target, flag -1 the incoming particle, flag 0 what was tracked
        for flag, code in ((-1, 13), (0, 13), (0, 11)):
            track = trigger.track()
            track.fIpnu, track.fFlag, track.fM, track.fE = code, flag, 105.6583755, 605.6583755
            track.fParenttype = 0 if code == 13 else 13
            fill(track.fDir, (0.6, 0.0, 0.8))
            fill(track.fStart, (10.0, -20.0, 30.0))
            track.fTime, track.fId = 1.5, 1


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "WCSimClasses.C"
        source.write_text(CLASSES)
        ROOT.gSystem.CompileMacro(str(source), "kO")
        write_wcsim(f"{sys.argv[1]}/wcsim.root")
    write_photonsim(f"{sys.argv[1]}/photonsim.root")


def write_photonsim(path: str) -> None:
    """Photons on a cone of 41 degrees about z, from a line of one metre."""
    file, draw = ROOT.TFile(path, "RECREATE"), np.random.default_rng(1)
    tree = ROOT.TTree("OpticalPhotons", "Optical Photon Data")
    numbers = {"EventID": np.zeros(1, np.int32), "PrimaryEnergy": np.zeros(1), "NOpticalPhotons": np.zeros(1, np.int32)}
    for name, value in numbers.items():
        tree.Branch(name, value, f"{name}/{'D' if value.dtype == float else 'I'}")
    names = [f"Photon{what}{axis}" for what in ("Pos", "Dir") for axis in "XYZ"] + ["PhotonTime", "PhotonWavelength"]
    columns = {name: ROOT.std.vector("double")() for name in names}
    for name, column in columns.items():
        tree.Branch(name, column)
    track = {name: ROOT.std.vector("int")() for name in ("TrackInfo_TrackID", "TrackInfo_PDG")}
    for name, column in track.items():
        tree.Branch(name, column)
    for event, count in enumerate((20, 30)):
        numbers["EventID"][0], numbers["PrimaryEnergy"][0], numbers["NOpticalPhotons"][0] = event, 500.0 + event, count
        azimuth, along = draw.uniform(0.0, 2.0 * np.pi, count), draw.uniform(0.0, 1000.0, count)
        sine, cosine = np.sin(np.radians(41.0)), np.cos(np.radians(41.0))
        direction = [sine * np.cos(azimuth), sine * np.sin(azimuth), np.full(count, cosine)]
        values = [
            np.zeros(count),
            np.zeros(count),
            along,
            *direction,
            along / 299.792458,
            draw.uniform(300, 600, count),
        ]
        for column, value in zip(columns.values(), values, strict=True):
            column.assign(value)
        for column, value in zip(track.values(), ((2, 1), (11, 13)), strict=True):
            column.assign(value)
        tree.Fill()
    tree.Write()
    file.Close()


def write_wcsim(path: str) -> None:
    file = ROOT.TFile(path, "RECREATE")
    event = ROOT.WCSimRootEvent()
    tree = ROOT.TTree("wcsimT", "WCSim Tree")
    tree.Branch("wcsimrootevent", "WCSimRootEvent", event, 64000, 2)
    add_trigger(event, 0, 0, [(1, 2.5, 951.0), (5, 1.0, 955.5), (12, 4.25, 960.0)])
    tree.Fill()
    event.fEventList.Clear()
    add_trigger(event, 1, 0, [(3, 1.5, 950.0), (3, 0.5, 990.0), (2, 3.0, 947.25)])
    add_trigger(event, 1, 1, [(9, 1.0, 2100.0)])
    tree.Fill()
    tree.Write()
    write_geometry(file)
    file.Close()


if __name__ == "__main__":
    main()
