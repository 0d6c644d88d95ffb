import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { Finding } from '../driver.ts';
import type { VirtualBox } from './virtualbox.ts';

export const virtualboxFindings = async (box: VirtualBox): Promise<Finding[]> => {
  const error = (problem: string, fix: string): Finding[] => [{ severity: 'error', problem, fix }];
  try {
    const found = await box.version();
    if (!found) return error('VirtualBox is not installed.', 'apt-get install virtualbox   # or virtualbox.org');
    if (Number(found.version.split('.')[0]) < 7)
      return error(`VirtualBox is ${found.version}, and 7.0 or newer is needed.`, 'apt-get install virtualbox');
    if (!found.hasKernelDriver)
      return error(
        "VirtualBox's kernel driver is not loaded: it can start no machine.",
        'modprobe vboxdrv   # it comes with: apt-get install virtualbox-dkms linux-headers-$(uname -r)',
      );
    return [];
  } catch (failure) {
    return error(`VirtualBox does not answer: ${failure instanceof SlipwayError ? failure.reason : failure}.`, 'VBoxManage --version');
  }
};
